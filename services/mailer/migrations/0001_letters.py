"""holders: what the events said of an assertion; messages: the ledger, one row a letter."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Events of one assertion come on several topics in any order, so all columns of holders but the key may be unknown.
TABLES = """
create table holders (
    assertion_id text primary key,
    registration_id text,
    email text,
    family_name text,
    given_name text,
    qualification text,
    kind text,
    valid_from date,
    valid_until date,
    notify_from timestamptz,
    received_at timestamptz,
    rendered_at timestamptz,
    revoked_at timestamptz
);

create table messages (
    assertion_id text not null references holders,
    letter text not null check (letter in ('award', 'completion')),
    state text not null check (state in ('waiting', 'queued', 'sent', 'deferred', 'bounced', 'suppressed')),
    attempts integer not null default 0,
    next_try_at timestamptz,
    message bytea,
    answer text,
    last_error text,
    reason text,
    created_at timestamptz not null,
    queued_at timestamptz,
    settled_at timestamptz,
    primary key (assertion_id, letter),
    check ((next_try_at is not null) = (state in ('waiting', 'queued', 'deferred'))),
    check (message is not null or state in ('waiting', 'suppressed'))
);
create index messages_waiting on messages (next_try_at) where state = 'waiting';
create index messages_to_send on messages (next_try_at) where state in ('queued', 'deferred');
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("drop table messages, holders")
