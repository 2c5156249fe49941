"""assertions: the registration and version of each, so that an old one leads to the newest."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Null until assertion.issued arrives, and for those issued before the columns existed.
COLUMNS = """
alter table assertions add column registration_id text, add column version integer;
create index assertions_registration_id on assertions (registration_id) where registration_id is not null;
"""


def upgrade() -> None:
    op.execute(COLUMNS)


def downgrade() -> None:
    op.execute("alter table assertions drop column registration_id, drop column version")
