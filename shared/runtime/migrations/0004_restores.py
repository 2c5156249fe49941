"""What tells that a database was set back: facts taken back, its own history, the topics' ids; the restores noticed."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table topics ( -- as they were when we last started; a topic created again has another id
            topic text primary key,
            topic_id text not null
        );
        create table database_history ( -- one row: the cluster and its timeline at our last start
            one boolean primary key default true check (one),
            history text not null
        );
        create table restore_notices (
            restore_id text primary key,
            noticed_at timestamptz not null,
            read_again text not null, -- JSON: topic, partition, next offset by the tables, and by the consumer group
            storage text not null -- JSON: what only object storage has, by kind
        );
        create table recalled_facts (
            topic text not null,
            partition integer not null,
            first_offset bigint not null,
            next_offset bigint not null,
            event text not null,
            facts bigint not null,
            restore_id text references restore_notices, -- null: of no restore that was told yet
            primary key (topic, partition, first_offset, event)
        );
        """
    )


def downgrade() -> None:
    op.execute("drop table recalled_facts; drop table restore_notices; drop table database_history; drop table topics")
