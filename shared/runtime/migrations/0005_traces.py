"""traces: in which trace a service last heard of a thing; outbox: the trace that a message goes on in."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table traces (
            subject text primary key,
            traceparent text not null,
            noted_at timestamptz not null
        );
        create index traces_noted_at on traces (noted_at);
        alter table outbox add column traceparent text;
        """
    )


def downgrade() -> None:
    op.execute("alter table outbox drop column traceparent; drop table traces")
