"""people and assertions: how far each has come; letters, batches, rejections, dead letters, decisions beside them."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Events of one person come on ten topics in any order, so every column but the key may still be unknown (null).
TABLES = """
create table people (
    registration_id text primary key,
    cohort text not null,
    qualification text,
    person_id text,
    name text,
    eligible_at timestamptz,
    hold_revision integer not null default 0,
    held_reason text,
    held_at timestamptz,
    first_registration_id text,
    assertion_id text,
    issued_at timestamptz
);
create index people_by_cohort on people (cohort);
create index people_eligible on people (cohort) where eligible_at is not null;
create index people_held on people (cohort) where held_reason is not null;
create unique index people_by_assertion on people (assertion_id);

create table assertions (
    assertion_id text primary key,
    received_at timestamptz,
    anchored_at timestamptz,
    rendered_at timestamptz,
    revoked_at timestamptz,
    revoked_reason text,
    replaced_by text,
    merkle_root text,
    network text
);
create index assertions_by_batch on assertions (merkle_root, network) where merkle_root is not null;

create table letters (
    assertion_id text not null,
    letter text not null,
    message_id text not null,
    state text not null,
    attempt integer not null,
    at timestamptz not null,
    answer text,
    sent_at timestamptz,
    primary key (assertion_id, letter)
);
create index letters_in_trouble on letters (at) where state in ('deferred', 'bounced', 'suppressed');

create table batches (
    merkle_root text not null,
    network text not null,
    chain_id bigint not null,
    contract text not null,
    transaction text not null,
    block_number bigint not null,
    anchored_at timestamptz not null,
    primary key (merkle_root, network)
);

create table rejections (
    rejection_id text primary key,
    source text not null,
    row_number integer,
    field text not null,
    expected text not null,
    got text,
    noted_at timestamptz not null
);

create table dead_letters (
    dead_letter_id text primary key,
    topic text not null,
    partition integer,
    "offset" bigint,
    key bytea,
    value bytea,
    consumer text not null,
    cause text not null,
    died_at timestamptz not null,
    state text not null default 'open',
    decided_by text,
    decided_why text,
    decided_at timestamptz
);
create index dead_letters_open on dead_letters (died_at) where state = 'open';
create index dead_letters_by_message on dead_letters (topic, partition, "offset");

create table decisions (
    decision_id text primary key,
    decision text not null,
    subject text not null,
    decided_by text not null,
    why text not null,
    decided_at timestamptz not null
);
create index decisions_by_time on decisions (decided_at);
"""

# `reached` has one bit a stage, in the order of board/counts.py. A hold of a person who has a badge doesn't count,
# nor does the sending of a letter that bounced afterwards.
VIEW = """
create view progress as
select *,
    (eligible_at is not null and (held_reason is null or assertion_id is not null))::integer
    + (assertion_id is not null)::integer * 2
    + (notified_at is not null)::integer * 4
    + (received_at is not null)::integer * 8
    + (anchored_at is not null)::integer * 16
    + (rendered_at is not null)::integer * 32
    + (completed_at is not null)::integer * 64 as reached,
    revoked_at is not null as ended,
    held_reason is not null and assertion_id is null as held
from (
    select p.registration_id, p.cohort, p.qualification, p.person_id, p.name, p.eligible_at,
        p.held_reason, p.held_at, p.first_registration_id, p.assertion_id, p.issued_at,
        award.sent_at as notified_at, award.state as award_state, award.answer as award_answer,
        a.received_at, a.anchored_at, a.rendered_at,
        completion.sent_at as completed_at, completion.state as completion_state,
        completion.answer as completion_answer,
        a.revoked_at, a.revoked_reason
    from people p
    left join assertions a using (assertion_id)
    left join letters award on award.assertion_id = p.assertion_id and award.letter = 'award'
    left join letters completion on completion.assertion_id = p.assertion_id and completion.letter = 'completion'
) as known;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(VIEW)


def downgrade() -> None:
    op.execute("drop view progress")
    op.execute("drop table people, assertions, letters, batches, rejections, dead_letters, decisions")
