"""cohort_holds: holds of whole cohorts. decisions: those that concern who comes later. statements: the public count."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
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
comment on table cohort_holds is 'the latest order about each that registration carried out: to hold, or to resume';

create table statements (
    cohort text not null,
    number integer not null,
    stated_at timestamptz,
    issued integer,
    valid integer,
    anchored_at timestamptz,
    network text,
    primary key (cohort, number)
);
comment on table statements is 'of the public count; stated_at null: that it was published is not heard of yet';

alter table decisions
    add column lasting boolean not null default false,
    add column qualification text;
comment on column decisions.lasting is 'of a cohort, or part of such: registration carries out the whole, too';
"""

BACK = """
alter table decisions drop column lasting, drop column qualification;
drop table statements;
drop table cohort_holds;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
