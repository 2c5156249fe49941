"""address_recoveries: holders of badges who have lost the mailbox. screen_attempts: as all services count attempts.

And who may have an address is decided under one lock: a statement that writes one without it is refused.
"""

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

-- attempts stays for the release before, which counts there; a later step drops it.
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
drop trigger locked_writes on registrations;
drop function refuse_unlocked_write;
drop table screen_attempts;
alter table address_requests drop column recovers;
drop table address_recoveries;
"""

# The same number as Registrations.lock() takes. Rows of one person share an address, those that wait may share it with
# anybody: no index says that. So what the database holds is that one transaction at a time looks and writes.
LOCKED = """
create function refuse_unlocked_write() returns trigger language plpgsql as $$
begin
    if not exists (
        select from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid()
        and (classid::bigint << 32 | objid::bigint) = hashtext('registration/writers')
    ) then
        raise exception 'registrations: got a write without the writers'' lock, expected'
            ' select pg_advisory_xact_lock(hashtext(''registration/writers'')) before it in its transaction';
    end if;
    return null;
end $$;
create trigger locked_writes
    before insert or update of person_id, email, office_email, address_key, state on registrations
    for each statement execute function refuse_unlocked_write();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LOCKED)


def downgrade() -> None:
    op.execute(BACK)
