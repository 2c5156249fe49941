"""office_accounts, office_sessions, office_attempts: who may sign in. person_events: a person's history."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# The office's tables are read and written by shared/runtime/web/office_session.py.
TABLES = """
create table office_accounts (
    name_key text primary key, -- NFKC, case folded: two spellings of one name are one account
    name text not null,
    role text not null check (role in ('office', 'admin')),
    desk text check ((desk is not null) = (role = 'office')),
    password_hash text not null,
    must_change boolean not null default false,
    created_at timestamptz not null,
    changed_at timestamptz not null
);
create table office_sessions (
    token_sha256 bytea primary key,
    name_key text not null references office_accounts on delete cascade,
    created_at timestamptz not null,
    used_at timestamptz not null
);
create index office_sessions_account on office_sessions (name_key);
create table office_attempts (
    key_sha256 bytea primary key, -- of "name/…" or "source/…"
    attempts integer not null,
    began_at timestamptz not null,
    lasts interval not null
);
create index office_attempts_began_at on office_attempts (began_at);

create table person_events (
    registration_id text not null,
    kind text not null,
    number integer not null, -- a version, or the revision of a hold or an address
    at timestamptz not null,
    reason text,
    facts text, -- JSON
    primary key (registration_id, kind, number)
);
comment on table person_events is 'what registration and issuer said of a person, each fact once, in whatever order';

alter table people
    add column held_characters text,
    add column found_by text generated always as (translate(lower(normalize(
        coalesce(name, '') || ' ' || coalesce(family_name, '') || coalesce(given_name, '') || ' '
        || coalesce(family_name_latin, '') || coalesce(given_name_latin, '') || ' '
        || coalesce(given_name_latin, '') || coalesce(family_name_latin, '') || ' ' || registration_id || ' '
        || coalesce(registration_number, '') || ' ' || coalesce(pass_number, '') || ' ' || coalesce(person_id, '')
        || ' ' || coalesce(assertion_id, ''), NFKC)), '{hiragana} -‐‑‒–—―−ー－', '{katakana}')) stored;
comment on column people.held_characters is 'no-glyph: the characters that no font has, as "U+20BB7 𠮷"';
comment on column people.found_by is 'what the office finds a person by; by search_key of shared/office_answers';
"""

BACK = """
alter table people drop column found_by, drop column held_characters;
drop table person_events;
drop table office_attempts;
drop table office_sessions;
drop table office_accounts;
"""


def upgrade() -> None:
    hiragana, katakana = ("".join(map(chr, points)) for points in (range(0x3041, 0x3097), range(0x30A1, 0x30F7)))
    op.execute(TABLES.replace("{hiragana}", hiragana).replace("{katakana}", katakana))


def downgrade() -> None:
    op.execute(BACK)
