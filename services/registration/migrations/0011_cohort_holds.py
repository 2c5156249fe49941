"""cohort_holds: the office's orders about whole cohorts. registrations: with_cohort, resumed_at."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
create table cohort_holds (
    cohort text not null,
    qualification text not null, -- '': all of the cohort
    held boolean not null,
    decision_id text not null,
    decided_by text not null,
    why text not null,
    decided_at timestamptz not null,
    primary key (cohort, qualification)
);
comment on table cohort_holds is 'the latest order of the office about each: to hold it, or to resume it';

alter table registrations
    add column with_cohort boolean not null default false,
    add column resumed_at timestamptz;
comment on column registrations.with_cohort is 'held because its cohort is, not for itself: it is not late by that';
comment on column registrations.resumed_at is 'when the office resumed this one: a hold of its cohort from before lets
it pass';
alter table recalled add column resumed_at timestamptz;
"""

BACK = """
alter table recalled drop column resumed_at;
alter table registrations drop column with_cohort, drop column resumed_at;
drop table cohort_holds;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
