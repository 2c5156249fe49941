"""An index for those that are held and renew another: a record of the one that they renew is looked up among them."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "create index registrations_held_renewals on registrations (previous_registration_id) where reason is not null"
    )


def downgrade() -> None:
    op.execute("drop index registrations_held_renewals")
