"""messages: reminders and the notice of expiry; holders.renewed_by: the badge of the next period."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Of badges that were renewed before this migration renewed_by is unknown: their holders may get one notice too many.
TABLES = """
alter table holders add column renewed_by text;
create index holders_expiring on holders (valid_until);

alter table messages drop constraint messages_letter_check;
alter table messages add constraint messages_letter_check
    check (request_id is not null or letter in ('award', 'completion', 'correction', 'revocation',
        'reminder-1', 'reminder-2', 'reminder-3', 'expiry'));
drop index messages_requested;
create index messages_cancellable on messages (id)
    where state in ('waiting', 'queued', 'deferred')
    and letter not in ('award', 'completion', 'correction', 'revocation');
create index messages_told on messages (settled_at) where letter = 'award' and state = 'sent';
create index messages_settled on messages (settled_at) where message is not null;
"""

BACK = """
drop index messages_settled, messages_told, messages_cancellable;
create index messages_requested on messages (request_id)
    where request_id is not null and state in ('waiting', 'queued', 'deferred');
delete from messages where letter in ('reminder-1', 'reminder-2', 'reminder-3', 'expiry');
alter table messages drop constraint messages_letter_check;
alter table messages add constraint messages_letter_check
    check (request_id is not null or letter in ('award', 'completion', 'correction', 'revocation'));
drop index holders_expiring;
alter table holders drop column renewed_by;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
