"""print_sheets: the sheets that are ordered from the printer's, each one PDF in object storage once it is drawn."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table print_sheets (
            sheet_id text primary key,
            item text not null,
            order_ids text[], -- null: taken back after a restore, and its order not read again yet
            assertion_ids text[],
            state text not null default 'pending',
            attempts integer not null default 0,
            next_try_at timestamptz not null,
            noted_at timestamptz not null,
            sha256 text, -- null: nothing of it could be drawn, or it isn't drawn yet
            last_error text
        );
        create index print_sheets_pending on print_sheets (next_try_at) where state = 'pending';
        """
    )


def downgrade() -> None:
    op.execute("drop table print_sheets")
