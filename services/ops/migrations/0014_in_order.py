"""Indexes. decisions: files handed in without an outcome. standing: who waits, in the whole order of the lists."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# A batch is anchored at one moment: those of one moment would be sorted each time.
INDEXES = """
create index decisions_open_feeds on decisions (decided_at) where decision = 'feed' and outcome is null;
drop index standing_by_wait;
create index standing_by_wait on standing (cohort, place, rank, since, registration_id) where place & 127 <> 127;
"""

BACK = """
drop index standing_by_wait;
create index standing_by_wait on standing (cohort, place, rank, since) where place & 127 <> 127;
drop index decisions_open_feeds;
"""


def upgrade() -> None:
    op.execute(INDEXES)


def downgrade() -> None:
    op.execute(BACK)
