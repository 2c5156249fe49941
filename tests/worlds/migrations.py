"""Migrations of one statement, for tests of the runtime."""

from __future__ import annotations

from pathlib import Path

MIGRATION = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "{revision}", {before!r}, None, None
def upgrade(): op.execute({sql!r})
def downgrade(): pass
"""


def write_migration(folder: Path, revision: str, before: str | None, sql: str) -> Path:
    """The folder, with one more step that executes `sql` after the step `before`."""
    (folder / f"{revision}_step.py").write_text(MIGRATION.format(revision=revision, before=before, sql=sql))
    return folder
