"""letter_holds: cohorts whose letters the office holds; holders.cohort."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# A cohort is the year in which its periods begin (`AssertionIssued.award.cohort`).
TABLES = """
create table letter_holds (
    cohort text primary key,
    is_held boolean not null,
    decided_at timestamptz not null
);
alter table holders add column cohort text;
update holders set cohort = extract(year from valid_from)::integer::text where valid_from is not null;
"""

BACK = """
alter table holders drop column cohort;
drop table letter_holds;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
