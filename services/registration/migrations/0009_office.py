"""registrations: agreed spellings, addresses corrected after the issue. order_changes: old and new of each order."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = """
alter table registrations
    add column spelling text,
    add column address_revision integer not null default 0;
comment on column registrations.spelling is 'how names with characters that no font has are written on the certificate,
as the person agreed (JSON); null: nothing was agreed';
comment on column registrations.address_revision is 'how often the address changed after the issue';
alter table recalled add column spelling text;

create table order_changes (
    decision_id text not null,
    registration_id text not null,
    field text not null,
    old text,
    new text,
    changed_at timestamptz not null,
    primary key (decision_id, field)
);
create index order_changes_registration on order_changes (registration_id, changed_at);
comment on table order_changes is 'what each order of the office changed; personal, so no event has it';

create index registrations_kana on registrations (family_name_kana) where family_name_kana is not null;
"""

BACK = """
drop index registrations_kana;
drop table order_changes;
alter table recalled drop column spelling;
alter table registrations drop column spelling, drop column address_revision;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
