"""decisions: what became of each. people: what the newest version says. assertions: all versions of a badge."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# `known_version` is the newest announced by registration or issuer, `issued_version` that of people.assertion_id.
# `target` is set for orders given here: what the order brings about, "revoke/<assertion_id>" or
# "correct/<registration_id>/<version>". The index allows one order for a target that is pending or done.
TABLES = """
alter table people
    add column known_version integer not null default 1,
    add column issued_version integer,
    add column family_name text,
    add column given_name text,
    add column family_name_latin text,
    add column given_name_latin text,
    add column pass_number text,
    add column registration_number text,
    add column valid_from date,
    add column valid_until date;
update people set issued_version = 1 where assertion_id is not null;

alter table assertions
    add column registration_id text,
    add column version integer,
    add column issued_at timestamptz,
    add column corrects text,
    add column renews text;
create index assertions_by_registration on assertions (registration_id, version) where registration_id is not null;
insert into assertions (assertion_id, registration_id, version, issued_at)
    select assertion_id, registration_id, 1, issued_at from people where assertion_id is not null
    on conflict (assertion_id) do update set registration_id = excluded.registration_id,
        version = excluded.version, issued_at = excluded.issued_at;

alter table decisions
    add column part_of text,
    add column target text,
    add column correction text,
    add column people integer,
    add column settled_by text,
    add column outcome text,
    add column detail text,
    add column settled_at timestamptz;
create unique index decisions_once on decisions (target) where outcome is null or outcome = 'done';
create index decisions_by_undo on decisions (part_of) where part_of is not null;
create index decisions_by_subject on decisions (subject);

create table settlements (
    decision_id text not null,
    service text not null,
    outcome text not null,
    detail text,
    settled_at timestamptz not null,
    primary key (decision_id, service)
);
"""

# `reached` has one bit a stage, in the order of board/counts.py. A hold of a person who has a badge doesn't count, nor
# does the sending of a letter that bounced afterwards. After a correction of a badge that was received there is one
# letter, about the correction: it counts as both letters, and the receipt is carried over. A badge that is revoked and
# replaced does not count as ended: its replacement takes its place.
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
    revoked_at is not null and replaced_by is null as ended,
    held_reason is not null and assertion_id is null as held
from (
    select p.registration_id, p.cohort, p.qualification, p.person_id, p.name, p.eligible_at,
        p.held_reason, p.held_at, p.first_registration_id, p.assertion_id, p.issued_at,
        p.known_version, p.issued_version,
        coalesce(award.sent_at, correction.sent_at,
            case when p.issued_version > 1 and award.state is null then a.received_at end) as notified_at,
        award.state as award_state, award.answer as award_answer,
        a.received_at, a.anchored_at, a.rendered_at,
        coalesce(completion.sent_at, correction.sent_at) as completed_at, completion.state as completion_state,
        completion.answer as completion_answer,
        correction.state as correction_state, correction.answer as correction_answer,
        a.revoked_at, a.revoked_reason, a.replaced_by
    from people p
    left join assertions a using (assertion_id)
    left join letters award on award.assertion_id = p.assertion_id and award.letter = 'award'
    left join letters completion on completion.assertion_id = p.assertion_id and completion.letter = 'completion'
    left join letters correction on correction.assertion_id = p.assertion_id and correction.letter = 'correction'
) as known;
"""

FORMER_VIEW = """
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
    op.execute("drop view progress")
    op.execute(TABLES)
    op.execute(VIEW)


def downgrade() -> None:
    op.execute("drop view progress")
    op.execute("drop table settlements")
    for table, columns in (
        ("decisions", ("part_of", "target", "correction", "people", "settled_by", "outcome", "detail", "settled_at")),
        ("assertions", ("registration_id", "version", "issued_at", "corrects", "renews")),
        ("people", ("known_version", "issued_version", "family_name", "given_name", "family_name_latin")),
        ("people", ("given_name_latin", "pass_number", "registration_number", "valid_from", "valid_until")),
    ):
        op.execute(f"alter table {table} {', '.join(f'drop column {column}' for column in columns)}")
    op.execute(FORMER_VIEW)
