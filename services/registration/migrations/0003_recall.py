"""What is taken back after a restore: registrations.recalled, and what is kept of those whose record is not here."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
alter table registrations alter column birth_date drop not null;
alter table registrations add column recalled boolean not null default false;
comment on column registrations.birth_date is 'null: taken back after a restore, until upstream delivers the record';
comment on column registrations.recalled is 'as announced before a restore: the record itself may be older, so nothing
is judged from it until upstream has delivered it again';

create table recalled (
    registration_id text primary key,
    revision integer not null default 0,
    reason text,
    first_registration_id text,
    office_hold boolean not null default false,
    office_email text,
    address_key text,
    confirmed_at timestamptz
);
comment on table recalled is 'holds and orders of registrations whose record a restored database lacks: it takes them
over when it comes';

create table recalled_orders (
    decision_id text primary key,
    registration_id text not null
);
create index recalled_orders_registration on recalled_orders (registration_id);
comment on table recalled_orders is 'settled as done before a restore and not read again yet: what they set is missing';
"""

BACK = """
drop table recalled_orders;
drop table recalled;
alter table registrations drop column recalled;
update registrations set birth_date = '1900-01-01' where birth_date is null;
alter table registrations alter column birth_date set not null;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
