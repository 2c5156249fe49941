"""search_keys.folding: by which table of variant characters a key was made. The former release's are made again."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMN = """
alter table search_keys add column folding text not null default '';
comment on column search_keys.folding is 'by which variants of characters key was made; empty: by the former release';
create index search_keys_by_folding on search_keys (folding);

create function note_key_of_the_former_release() returns trigger language plpgsql as $$
begin
    new.folding := '';
    return new;
end $$;
create trigger search_keys_rewritten before update on search_keys for each row
    execute function note_key_of_the_former_release();
"""

BACK = """
drop trigger search_keys_rewritten on search_keys;
drop function note_key_of_the_former_release();
drop index search_keys_by_folding;
alter table search_keys drop column folding;
"""


def upgrade() -> None:
    op.execute(COLUMN)


def downgrade() -> None:
    op.execute(BACK)
