"""requests: letters that another service asked for; messages: a row is about a badge or about a request."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# What a restore takes back of a request comes before the request itself, so all columns but the ids may be unknown.
TABLES = """
create table requests (
    request_id text primary key,
    letter_id text not null,
    recipient text,
    facts jsonb,
    language text,
    reply_to text,
    ends_at timestamptz
);
comment on column requests.request_id is 'made of letter_id: what Message-ID and return path can hold';
comment on column requests.facts is 'what the templates fill in; forgotten with the bytes of the letter';

alter table messages drop constraint messages_pkey;
alter table messages
    alter column assertion_id drop not null,
    add column request_id text references requests,
    add column id text generated always as (letter || '.' || coalesce(assertion_id, request_id)) stored primary key,
    add constraint messages_of_one check (num_nonnulls(assertion_id, request_id) = 1),
    add constraint messages_of_badge unique (assertion_id, letter);
comment on column messages.id is 'the left part of the Message-ID';
create index messages_requested on messages (request_id)
    where request_id is not null and state in ('waiting', 'queued', 'deferred');

alter table messages drop constraint messages_letter_check;
alter table messages add constraint messages_letter_check
    check (request_id is not null or letter in ('award', 'completion', 'correction', 'revocation'));
alter table messages drop constraint messages_state_check;
alter table messages add constraint messages_state_check
    check (state in ('waiting', 'queued', 'sent', 'deferred', 'bounced', 'suppressed', 'cancelled'));
alter table messages drop constraint messages_written;
alter table messages add constraint messages_written
    check (state in ('waiting', 'suppressed', 'cancelled') or written_at is not null);
"""

BACK = """
delete from messages where request_id is not null or state = 'cancelled';
alter table messages drop constraint messages_written;
alter table messages add constraint messages_written
    check (state in ('waiting', 'suppressed') or written_at is not null);
alter table messages drop constraint messages_state_check;
alter table messages add constraint messages_state_check
    check (state in ('waiting', 'queued', 'sent', 'deferred', 'bounced', 'suppressed'));
alter table messages drop constraint messages_letter_check;
alter table messages add constraint messages_letter_check
    check (letter in ('award', 'completion', 'correction', 'revocation'));
alter table messages drop column id, drop column request_id, drop constraint messages_of_badge;
alter table messages add primary key (assertion_id, letter);
drop table requests;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
