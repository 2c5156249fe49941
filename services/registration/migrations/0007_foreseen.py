"""registrations.foreseen: judged before its cycle began, so that the office sees from then on who is held."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = """
alter table registrations add column foreseen boolean not null default false;
comment on column registrations.foreseen is 'nothing held it when it was judged before its cycle began: it waits for the
cycle, or for a record that says otherwise, and is judged again then';
create index registrations_foreseen on registrations (previous_registration_id) where foreseen;
"""

BACK = """
drop index registrations_foreseen;
alter table registrations drop column foreseen;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
