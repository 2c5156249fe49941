"""people and assertions: what the issuer refused and what the renderer can't print. progress: who is stuck, and why."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Of refusals the highest version counts, of failures the highest revision: whichever comes first.
TABLES = """
alter table people
    add column refused_version integer,
    add column refused_field text,
    add column refused_expected text,
    add column refused_got text,
    add column refused_at timestamptz;
alter table assertions
    add column failure_revision integer,
    add column failure_reason text,
    add column failure_field text,
    add column failure_characters text,
    add column failed_at timestamptz;
"""

# As in 0002, and: a person is stuck when nothing goes on by itself. A refusal ends with a later version, or when that
# version is issued; a failed rendering with the PDFs, or when the badge is revoked.
VIEW = """
create view progress as
select *,
    case
        when stuck_as is null then null
        when stuck_as = 'issuance-refused' then refused_field
        when stuck_as like 'rendering-%' then failure_field
    end as stuck_field,
    case when stuck_as = 'issuance-refused' then refused_expected end as stuck_expected,
    case
        when stuck_as = 'issuance-refused' then refused_got
        when stuck_as like 'rendering-%' then failure_characters
    end as stuck_got,
    case
        when stuck_as = 'issuance-refused' then refused_at
        when stuck_as like 'rendering-%' then failed_at
        when stuck_as like 'award-%' then award_at
        when stuck_as like 'completion-%' then completion_at
        when stuck_as like 'correction-%' then correction_at
    end as stuck_at
from (
select *,
    (eligible_at is not null and (held_reason is null or assertion_id is not null))::integer
    + (assertion_id is not null)::integer * 2
    + (notified_at is not null)::integer * 4
    + (received_at is not null)::integer * 8
    + (anchored_at is not null)::integer * 16
    + (rendered_at is not null)::integer * 32
    + (completed_at is not null)::integer * 64 as reached,
    revoked_at is not null and replaced_by is null as ended,
    held_reason is not null and assertion_id is null as held,
    case
        when revoked_at is not null or (held_reason is not null and assertion_id is null) then null
        when refused_version >= known_version and refused_version > coalesce(issued_version, 0)
            then 'issuance-refused'
        when failure_reason is not null and rendered_at is null then 'rendering-' || failure_reason
        when award_state in ('bounced', 'suppressed') and received_at is null then 'award-letter-' || award_state
        when completion_state in ('bounced', 'suppressed') then 'completion-letter-' || completion_state
        when correction_state in ('bounced', 'suppressed') then 'correction-letter-' || correction_state
    end as stuck_as
from (
    select p.registration_id, p.cohort, p.qualification, p.person_id, p.name, p.eligible_at,
        p.held_reason, p.held_at, p.first_registration_id, p.assertion_id, p.issued_at,
        p.known_version, p.issued_version,
        p.refused_version, p.refused_field, p.refused_expected, p.refused_got, p.refused_at,
        coalesce(award.sent_at, correction.sent_at,
            case when p.issued_version > 1 and award.state is null then a.received_at end) as notified_at,
        award.state as award_state, award.answer as award_answer, award.at as award_at,
        a.received_at, a.anchored_at, a.rendered_at,
        a.failure_reason, a.failure_field, a.failure_characters, a.failed_at,
        coalesce(completion.sent_at, correction.sent_at) as completed_at, completion.state as completion_state,
        completion.answer as completion_answer, completion.at as completion_at,
        correction.state as correction_state, correction.answer as correction_answer, correction.at as correction_at,
        a.revoked_at, a.revoked_reason, a.replaced_by
    from people p
    left join assertions a using (assertion_id)
    left join letters award on award.assertion_id = p.assertion_id and award.letter = 'award'
    left join letters completion on completion.assertion_id = p.assertion_id and completion.letter = 'completion'
    left join letters correction on correction.assertion_id = p.assertion_id and correction.letter = 'correction'
) as known
) as placed;
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

BACK = """
alter table people
    drop column refused_version, drop column refused_field, drop column refused_expected, drop column refused_got,
    drop column refused_at;
alter table assertions
    drop column failure_revision, drop column failure_reason, drop column failure_field,
    drop column failure_characters, drop column failed_at;
"""


def upgrade() -> None:
    op.execute("drop view progress")
    op.execute(TABLES)
    op.execute(VIEW)


def downgrade() -> None:
    op.execute("drop view progress")
    op.execute(BACK)
    op.execute(FORMER_VIEW)
