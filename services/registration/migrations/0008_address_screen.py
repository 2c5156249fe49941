"""The screen where people register their address: sessions, attempts, requests that wait for their confirmation."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = """
create index registrations_sign_in on registrations
    ((regexp_replace(pass_number_key, '[-‐‑‒–—―−ー・./_]', '', 'g')));
comment on index registrations_sign_in is 'as sign_in_key of domain/sign_in.py makes it';
comment on column registrations.office_email is
    'the address that the office set or the person has confirmed: deliveries do not replace it';

create index registrations_birth_date on registrations (birth_date);

create table screen_sessions (
    token_sha256 bytea primary key,
    desk text not null,
    registration_id text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index screen_sessions_expires_at on screen_sessions (expires_at);

create table attempts (
    key bytea primary key,
    attempts integer not null,
    began_at timestamptz not null,
    ends_at timestamptz not null
);
create index attempts_ends_at on attempts (ends_at);
comment on column attempts.key is 'HMAC of what is limited (a source, a number, a person, an address), never itself';

create table address_requests (
    request_id text primary key,
    desk text not null,
    registration_id text not null,
    person_id text not null,
    address text not null,
    language text not null check (language in ('ja', 'en')),
    requested_at timestamptz not null,
    expires_at timestamptz not null,
    outcome text check (outcome in ('confirmed', 'taken', 'replaced', 'closed'))
);
create index address_requests_person on address_requests (person_id) where outcome is null;
create index address_requests_expires_at on address_requests (expires_at);
comment on table address_requests is 'addresses that people entered, until some days after their link has ended';
"""

BACK = """
drop table address_requests;
drop table attempts;
drop table screen_sessions;
drop index registrations_birth_date;
drop index registrations_sign_in;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
