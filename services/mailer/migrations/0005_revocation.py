"""messages: the letter about a revocation; holders: its reason."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Badges that were revoked before this migration have no such letter: nothing opens it for them.
TABLES = """
alter table holders add column revoked_reason text;
alter table messages drop constraint messages_letter_check;
alter table messages add constraint messages_letter_check
    check (letter in ('award', 'completion', 'correction', 'revocation'));
"""

BACK = """
delete from messages where letter = 'revocation';
alter table messages drop constraint messages_letter_check;
alter table messages add constraint messages_letter_check check (letter in ('award', 'completion', 'correction'));
alter table holders drop column revoked_reason;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
