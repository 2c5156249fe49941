"""rejections.is_open: not dismissed yet. The board asks for these each second, and most were dismissed long ago."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# After a restore a dismissal may come before its rejection. By triggers, so that it holds whichever release writes.
TABLES = """
alter table rejections add column is_open boolean not null default true;
update rejections set is_open = false from dismissals where dismissals.rejection_id = rejections.rejection_id;
create index rejections_open on rejections (noted_at) where is_open;
create index rejections_row on rejections (source, coalesce(row_number::text, rejection_id));
create function close_dismissed() returns trigger language plpgsql as $$
begin
    update rejections set is_open = false from added
        where rejections.rejection_id = added.rejection_id and rejections.is_open
        and exists (select from dismissals where dismissals.rejection_id = added.rejection_id);
    return null;
end $$;
create trigger rejections_added after insert on rejections referencing new table as added
    for each statement execute function close_dismissed();
create trigger dismissals_added after insert on dismissals referencing new table as added
    for each statement execute function close_dismissed();
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "drop trigger dismissals_added on dismissals; drop trigger rejections_added on rejections;"
        " drop function close_dismissed(); drop index rejections_row, rejections_open;"
        " alter table rejections drop column is_open"
    )
