"""assertions: which registration each is of, and which version, so that an old one leads to the newest."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Null as long as only other events have named the assertion, and for those issued before this column was there.
COLUMNS = """
alter table assertions add column registration_id text, add column version integer;
create index assertions_registration_id on assertions (registration_id) where registration_id is not null;
"""


def upgrade() -> None:
    op.execute(COLUMNS)


def downgrade() -> None:
    op.execute("alter table assertions drop column registration_id, drop column version")
