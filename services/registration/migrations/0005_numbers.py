"""registrations: the keys of both numbers, by which one that two registrations have is found."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = """
alter table registrations
    add column registration_number_key text not null
        generated always as (regexp_replace(lower(normalize(registration_number, NFKC)), '\\s', '', 'g')) stored,
    add column pass_number_key text not null
        generated always as (regexp_replace(lower(normalize(pass_number, NFKC)), '\\s', '', 'g')) stored;
comment on column registrations.registration_number_key is 'as number_key of domain/numbers.py makes it';
comment on column registrations.pass_number_key is 'as number_key of domain/numbers.py makes it';
create index registrations_registration_number on registrations (qualification, registration_number_key);
create index registrations_pass_number on registrations (qualification, pass_number_key);
create index registrations_first on registrations (first_registration_id) where first_registration_id is not null;
"""

BACK = """
drop index registrations_first;
alter table registrations drop column registration_number_key, drop column pass_number_key;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
