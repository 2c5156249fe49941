"""assertions: what the events say of each, beside its credential."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Events of one assertion arrive on several topics in any order, so every column but the key may be null.
TABLES = """
create table assertions (
    assertion_id text primary key,
    issued_at timestamptz,
    replaces text,
    received_at timestamptz,
    details_public boolean,
    visibility_revision integer,
    anchored_at timestamptz,
    revoked_at timestamptz,
    revoked_reason text,
    replaced_by text
);
create index assertions_replaces on assertions (replaces) where replaces is not null;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("drop table assertions")
