"""scrub_reports: what each service found when it compared its tables with object storage."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table scrub_reports (
            scrub_id text not null,        -- the decision, or the pass that the service began by itself
            service text not null,
            repair boolean not null,
            started_at timestamptz not null,
            at timestamptz not null,       -- of what was told last
            finished boolean not null,
            counts bytea not null,         -- JSON: by kind of object
            named bytea not null,          -- JSON: the first objects at fault
            primary key (scrub_id, service)
        );
        create index scrub_reports_of_service on scrub_reports (service, started_at);
        """
    )


def downgrade() -> None:
    op.execute("drop table scrub_reports")
