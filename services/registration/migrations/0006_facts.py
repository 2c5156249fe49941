"""registrations: that the office has confirmed what a record says; found by their person and by what they renew."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
alter table registrations add column facts_confirmed boolean not null default false;
comment on column registrations.facts_confirmed is 'the office said that this record is right, whatever others say';
create index registrations_person on registrations (person_id);
create index registrations_contradicted on registrations (previous_registration_id)
    where reason in ('birth-date-differs', 'name-differs', 'renews-another');
"""

BACK = """
drop index registrations_contradicted;
drop index registrations_person;
alter table registrations drop column facts_confirmed;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
