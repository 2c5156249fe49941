"""registrations: what the issuer answered, so that a record can be amended until it has issued the badge."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Released before answers were read: the answer may be gone from Kafka, so they count as issued unless one says no.
TABLES = """
alter table registrations
    add column issued_version integer not null default 0,
    add column refused_version integer not null default 0,
    add column presumed_issued boolean not null default false;
comment on column registrations.issued_version is 'the newest version that has a badge; 0: none that we know of';
comment on column registrations.refused_version is 'the newest version that the issuer refused; 0: none';
comment on column registrations.presumed_issued is 'counts as issued unless its version was refused: released at a time
of which answers may be lost, or as the office corrected it, which upstream does not undo';
update registrations set presumed_issued = true where state = 'released';
"""

BACK = """
alter table registrations
    drop column issued_version,
    drop column refused_version,
    drop column presumed_issued;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
