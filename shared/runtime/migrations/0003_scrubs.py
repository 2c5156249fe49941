"""scrubs: the comparisons of tables and object storage, how far each is, and what it found."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table scrubs (
            scrub_id text primary key,
            subject text not null,
            is_ordered boolean not null,     -- by the office; else by itself
            repair boolean not null,
            waits_for text,                  -- the service whose pass comes first
            started_at timestamptz not null,
            step integer not null default 0, -- of the kinds of objects: those of the tables, then those in storage
            after text not null default '',  -- where in the step it goes on
            finished_at timestamptz
        );
        create table scrub_counts (
            scrub_id text not null references scrubs on delete cascade,
            kind text not null,
            checked bigint not null,
            primary key (scrub_id, kind)
        );
        create table scrub_faults (
            scrub_id text not null references scrubs on delete cascade,
            key text not null,
            kind text not null,
            found text not null check (found in ('missing', 'different', 'only-stored')),
            outcome text,                    -- null: not put right (yet)
            noticed_at timestamptz not null,
            primary key (scrub_id, key)
        );
        """
    )


def downgrade() -> None:
    op.execute("drop table scrub_faults; drop table scrub_counts; drop table scrubs")
