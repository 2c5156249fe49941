"""inbox: the events a service has handled. outbox: the events that are not on Kafka yet."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table inbox (
            event_id uuid primary key,
            claimed_at timestamptz not null
        );
        create index inbox_claimed_at on inbox (claimed_at);
        create table outbox (
            id bigint generated always as identity primary key,
            topic text not null,
            key bytea,
            value bytea not null
        );
        alter table outbox set (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000);
        """
    )


def downgrade() -> None:
    op.execute("drop table outbox; drop table inbox")
