"""messages.sending_until, sender: the message is on its way; no transaction is open meanwhile."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
alter table messages add column sending_until timestamptz, add column sender text;
comment on column messages.sending_until is 'a lease: until then no other process sends it; null: not on its way';
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("alter table messages drop column sending_until, drop column sender")
