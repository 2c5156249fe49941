"""What a restored database needs: places in topics, gaps, what was ever announced; messages that were set aside."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table positions (
            topic text not null,
            partition integer not null,
            next_offset bigint not null,
            primary key (topic, partition)
        );
        create table gaps (
            topic text not null,
            partition integer not null,
            first_offset bigint not null,
            next_offset bigint not null,
            cause text not null,
            noticed_at timestamptz not null,
            settled_at timestamptz,
            primary key (topic, partition, first_offset, noticed_at)
        );
        create table unread (
            topic text not null,
            partition integer not null,
            "offset" bigint not null,
            key bytea,
            value bytea not null,
            cause text not null,
            noticed_at timestamptz not null,
            primary key (topic, partition, "offset")
        );
        create table refused (
            id bigint primary key,
            topic text not null,
            key bytea,
            value bytea not null,
            cause text not null,
            refused_at timestamptz not null
        );
        create table announced (
            seq bigint generated always as identity primary key,
            event_id uuid not null unique,
            topic text not null,
            key bytea not null,
            value bytea not null,
            announced_at timestamptz not null
        );
        create index announced_topic on announced (topic, seq);
        create table published (
            topic text not null,
            partition integer not null,
            next_offset bigint not null,
            primary key (topic, partition)
        );
        create table rebuilds (
            decision_id text primary key,
            subject text not null,
            topics text[] not null,
            next_seq bigint not null,
            last_seq bigint not null,
            events bigint not null,
            ordered_at timestamptz not null
        );
        alter table outbox add column announced_at timestamptz;
        """
    )


def downgrade() -> None:
    op.execute(
        "alter table outbox drop column announced_at; drop table rebuilds; drop table published; drop table announced;"
        " drop table refused; drop table unread; drop table gaps; drop table positions"
    )
