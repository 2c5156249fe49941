"""corrected_addresses: where the letters of a registration go since its address changed. badges.address_revision."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# As AddressCorrected says: about the versions up to `version`. It may come before the badge itself is known.
TABLES = """
create table corrected_addresses (
    registration_id text primary key,
    email text not null,
    version integer not null,
    revision integer not null
);
alter table badges add column address_revision integer not null default 0;
"""

BACK = """
alter table badges drop column address_revision;
drop table corrected_addresses;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
