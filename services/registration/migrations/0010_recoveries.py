"""address_recoveries: holders of badges who have lost the mailbox. screen_attempts: as all services count attempts."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
create table address_recoveries (
    recovery_id text primary key,
    person_id text not null,
    registration_id text not null,
    email text not null,
    former_email text,
    language text not null check (language in ('ja', 'en')),
    begun_at timestamptz not null,
    takes_effect_at timestamptz not null,
    outcome text check (outcome in ('moved', 'stopped', 'address-taken')),
    settled_at timestamptz
);
create unique index address_recoveries_open on address_recoveries (person_id) where outcome is null;
create index address_recoveries_due on address_recoveries (takes_effect_at) where outcome is null;
create index address_recoveries_settled_at on address_recoveries (settled_at);
comment on column address_recoveries.recovery_id is 'the request that was confirmed';

alter table address_requests add column recovers boolean not null default false;

drop table attempts;
create table screen_attempts (
    key_sha256 bytea primary key,
    attempts integer not null,
    began_at timestamptz not null,
    lasts interval not null
);
create index screen_attempts_began_at on screen_attempts (began_at);
comment on column screen_attempts.key_sha256 is
    'of an HMAC of what is limited (a source, a number, a person, an address)';
"""

BACK = """
drop table screen_attempts;
create table attempts (
    key bytea primary key,
    attempts integer not null,
    began_at timestamptz not null,
    ends_at timestamptz not null
);
create index attempts_ends_at on attempts (ends_at);
alter table address_requests drop column recovers;
drop table address_recoveries;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
