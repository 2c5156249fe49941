"""holders: which version of its registration an assertion is; messages: the letter about a correction."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What was issued before this migration is version 1 and corrects nothing.
TABLES = """
alter table holders
    add column version integer,
    add column corrects text,
    add column corrected_by text,
    add column told_by text check (told_by in ('award', 'correction'));
update holders set version = 1 where email is not null;
comment on column holders.corrected_by is 'the newer version: nothing leaves about this one any more';
comment on column holders.told_by is 'which letter tells of the correction: decided once, null until then';
create index holders_of_registration on holders (registration_id);

alter table messages drop constraint messages_letter_check;
alter table messages add constraint messages_letter_check check (letter in ('award', 'completion', 'correction'));
"""

BACK = """
delete from messages where letter = 'correction';
alter table messages drop constraint messages_letter_check;
alter table messages add constraint messages_letter_check check (letter in ('award', 'completion'));
drop index holders_of_registration;
alter table holders drop column version, drop column corrects, drop column corrected_by, drop column told_by;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
