"""registrations: one row a registration period. rejected: unreadable rows. not_applied: changes after the issue."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table registrations (
            -- the upstream record, as last delivered (as issued, once released)
            registration_id text primary key,
            person_id text not null,
            qualification text not null,
            kind text not null check (kind in ('new', 'renewal')),
            pass_number text not null,
            registration_number text not null,
            previous_registration_id text,
            family_name text not null,
            given_name text not null,
            family_name_kana text,
            given_name_kana text,
            family_name_latin text,
            given_name_latin text,
            birth_date date not null,
            email text,
            contact_email text,
            phone text,
            completed_on date,
            valid_from date not null,
            valid_until date not null,
            received_at timestamptz not null,
            -- the address that counts: the office's if it set one, else upstream's
            office_email text,
            confirmed_at timestamptz,
            address_key text,
            -- what became of it
            state text not null default 'waiting' check (state in ('waiting', 'held', 'released')),
            reason text check ((reason is not null) = (state = 'held')),
            first_registration_id text,
            office_hold boolean not null default false,
            revision integer not null default 0,
            notify_from timestamptz check ((notify_from is not null) = (state = 'released')),
            released_at timestamptz check ((released_at is not null) = (state = 'released')),
            -- to be judged: since when, and whether before the delivery has settled
            due_since timestamptz check (due_since is null or state <> 'released'),
            at_once boolean not null default false
        );
        create index registrations_due on registrations (due_since) where due_since is not null;
        create index registrations_address on registrations (address_key) where address_key is not null;
        create index registrations_later on registrations (valid_from) where reason = 'not-this-cycle';

        create table rejected (
            rejection_id text primary key,
            source text not null,
            row_number integer,
            field text not null,
            got text,
            expected text not null,
            registration_id text,
            received_at timestamptz not null
        );
        create index rejected_received_at on rejected (received_at, rejection_id);

        create table not_applied (
            registration_id text not null references registrations,
            field text not null,
            source text not null,
            noted_at timestamptz not null,
            primary key (registration_id, field)
        );
        """
    )


def downgrade() -> None:
    op.execute("drop table not_applied; drop table rejected; drop table registrations")
