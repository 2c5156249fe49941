"""paper_orders, paper_items, paper_sheets: what is ordered on paper and how far it is. No postal address is in here."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table paper_orders (
            order_id text primary key,
            registration_id text not null,
            total integer not null,
            ordered_at timestamptz not null
        );

        create table paper_items (
            order_id text not null, -- its order may come later
            item text not null,
            state text not null,
            revision integer not null,
            at timestamptz not null,
            assertion_id text,
            sheet_id text,
            shipper text,
            tracking text,
            primary key (order_id, item)
        );
        create index paper_items_state on paper_items (state, order_id);

        create table paper_sheets (
            sheet_id text primary key,
            item text not null,
            pages integer not null,
            printed integer not null,
            left_out text[] not null,
            rendered_at timestamptz not null
        );
        """
    )


def downgrade() -> None:
    op.execute("drop table paper_sheets, paper_items, paper_orders")
