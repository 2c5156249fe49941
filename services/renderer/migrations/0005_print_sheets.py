"""print_sheets: what is ordered from the printer's, one PDF each. renderings: hashes of PDFs as they were signed."""

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
        alter table renderings add column certificate_unsigned_sha256 text, add column details_unsigned_sha256 text;
        comment on column renderings.details_unsigned_sha256 is 'of the document as it was signed; null: it is not';

        create index print_sheets_pending on print_sheets (next_try_at) where state = 'pending';
        """
    )


def downgrade() -> None:
    op.execute(
        "drop table print_sheets;"
        " alter table renderings drop column certificate_unsigned_sha256, drop column details_unsigned_sha256"
    )
