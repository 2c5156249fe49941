"""messages: a row may be taken back from what was announced of it, without the bytes; written_at: the letter's Date."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Until now queued_at was the Date, unless the office ordered the letter again; the bytes of those rows are there.
TABLES = """
alter table messages add column written_at timestamptz;
update messages set written_at = queued_at;
alter table messages drop constraint messages_check1;
alter table messages add constraint messages_written
    check (state in ('waiting', 'suppressed') or written_at is not null);
create index messages_without_bytes on messages (next_try_at)
    where state in ('queued', 'deferred') and message is null;
comment on column messages.message is 'null also: queued or sent, but not in the backup; written again if needed';
comment on column holders.told_by is 'which letter tells of the correction: decided once, null until then; taken back
before the badge was known it may be set although the badge corrects nothing, and then means nothing';
"""

BACK = """
drop index messages_without_bytes;
delete from messages where message is null and state not in ('waiting', 'suppressed');
alter table messages drop constraint messages_written;
alter table messages add constraint messages_check1 check (message is not null or state in ('waiting', 'suppressed'));
alter table messages drop column written_at;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
