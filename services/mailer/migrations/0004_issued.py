"""holders.issued_at: by it a notice is known that a clock fixed that was ahead. What waits is found by its age."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = """
alter table holders add column issued_at timestamptz;
create index messages_waiting_since on messages (created_at) where state = 'waiting';
"""

BACK = """
drop index messages_waiting_since;
alter table holders drop column issued_at;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
