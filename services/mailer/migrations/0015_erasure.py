"""erased_recipients, former_addresses: by which the letters of somebody who is erased are found. holders.is_erased."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table erased_recipients (
            address_sha256 bytea primary key,
            erased_at timestamptz not null
        );
        comment on table erased_recipients is 'no letter goes there that was asked for before; kept while a topic may
hold one';
        create table former_addresses (
            registration_id text not null,
            address_sha256 bytea not null,
            changed_at timestamptz not null,
            primary key (registration_id, address_sha256)
        );
        comment on table former_addresses is 'where letters went that were asked for; kept for as long as these';
        alter table holders add column is_erased boolean;
        comment on column holders.is_erased is 'revoked because its holder is being erased: no letter tells of it';
        """
    )


def downgrade() -> None:
    op.execute("drop table former_addresses, erased_recipients; alter table holders drop column is_erased")
