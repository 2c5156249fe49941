"""decisions.paper, settlements.paper: what became of the items of a step for paper, as JSON of PaperOutcome."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# The former release's wallet said it in the detail alone, whose first 20 items are all unless it ends in "N more".
FORMER = """
update {table} set paper = json_build_object(
    'taken', substring(detail from '^[0-9]+')::integer,
    'refused', (select json_agg(json_build_object('order_id', m[1], 'item', m[2], 'code', m[3]))
        from regexp_matches(detail, '([0-9]{8})/(certificate|card) ([a-z-]+)', 'g') as m))::text
    where detail ~ '^[0-9]+ done; not: [0-9]{8}/' and detail !~ ' more$';
"""


def upgrade() -> None:
    for table in ("settlements", "decisions"):
        op.execute(f"alter table {table} add column paper text")
        op.execute(f"comment on column {table}.paper is 'of a step for paper: PaperOutcome of shared/paper_events'")
        op.execute(FORMER.replace("{table}", table))


def downgrade() -> None:
    for table in ("settlements", "decisions"):
        op.execute(f"alter table {table} drop column paper")
