"""Links that end, letters that people ask for, sessions with their devices, known devices, passkeys."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table badges
            add column notify_from timestamptz,
            add column link_number integer not null default 0,
            add column link_until timestamptz,
            add column account_deleted_at timestamptz;
        comment on column badges.link_number is 'the last link that its holder asked for; 0: that of letter 1';
        comment on column badges.link_until is 'the end of the last link; null: of letter 1, by the setting';
        comment on column badges.account_deleted_at is 'its holder deleted the account that had received it';

        alter table addresses add column address_id bigint generated always as identity unique;

        alter table sessions
            add column session_id bigint generated always as identity unique,
            add column device text not null default '',
            add column last_seen_at timestamptz;
        update sessions set last_seen_at = created_at;
        alter table sessions alter column last_seen_at set not null;
        create index sessions_account on sessions (account_id);

        alter table login_attempts rename column address_sha256 to key_sha256;
        alter table login_attempts add column lasts interval not null default '15 minutes';
        comment on table login_attempts is 'tries of a person, device or source since the last good one';

        create table devices (
            token_sha256 bytea primary key,
            account_id bigint not null references accounts on delete cascade,
            seen_at timestamptz not null
        );
        comment on table devices is 'browsers in which the holder was logged in: strangers can''t use up their tries';
        create index devices_account on devices (account_id);

        create table mail_links (
            link_id text primary key,
            purpose text not null,
            account_id bigint not null references accounts on delete cascade,
            address text not null,
            created_at timestamptz not null,
            expires_at timestamptz not null,
            used_at timestamptz
        );
        create index mail_links_account on mail_links (account_id);
        create index mail_links_expires_at on mail_links (expires_at);

        create table asked_letters (
            asked_id bigint generated always as identity primary key,
            letter text not null,
            address text not null,
            assertion_id text,
            language text not null,
            asked_at timestamptz not null
        );
        comment on table asked_letters is 'as asked for, also at addresses that nobody has; a tick writes them';

        create table passkeys (
            credential_id bytea primary key,
            account_id bigint not null references accounts on delete cascade,
            public_key bytea not null,
            sign_count bigint not null,
            device text not null,
            created_at timestamptz not null,
            used_at timestamptz
        );
        create index passkeys_account on passkeys (account_id);

        create table challenges (
            challenge bytea primary key,
            account_id bigint references accounts on delete cascade,
            expires_at timestamptz not null
        );
        comment on table challenges is 'of passkeys, each good for one answer; account_id null: to log in';
        """
    )


def downgrade() -> None:
    op.execute(
        """
        drop table challenges, passkeys, asked_letters, mail_links, devices;
        alter table login_attempts drop column lasts;
        alter table login_attempts rename column key_sha256 to address_sha256;
        drop index sessions_account;
        alter table sessions drop column session_id, drop column device, drop column last_seen_at;
        alter table addresses drop column address_id;
        alter table badges drop column notify_from, drop column link_number, drop column link_until,
            drop column account_deleted_at;
        """
    )
