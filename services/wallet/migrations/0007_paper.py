"""paper_orders, paper_items: what is ordered on paper, how far it is, where it goes. Postal addresses are only here."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table paper_orders (
            order_id text primary key,
            registration_id text not null,
            total integer not null,
            ordered_at timestamptz not null,
            addressee text,
            postcode text,
            prefecture text,
            line text,
            phone text
        );
        comment on column paper_orders.addressee is 'null with its address: lost by a restore, or deleted in its time';
        create index paper_orders_registration on paper_orders (registration_id);

        create table paper_items (
            order_id text not null, -- after a restore its order may come later
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
        create index paper_items_sheet on paper_items (sheet_id) where sheet_id is not null;
        """
    )


def downgrade() -> None:
    op.execute("drop table paper_items, paper_orders")
