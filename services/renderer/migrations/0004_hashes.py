"""renderings: the announced hashes of both PDFs."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        alter table renderings add column certificate_sha256 text, add column details_sha256 text;
        update renderings
            set certificate_sha256 = told.data ->> 'certificate_sha256', details_sha256 = told.data ->> 'details_sha256'
            from (select (convert_from(value, 'UTF8')::jsonb -> 'data') as data from announced
                where topic = 'certificate.rendered') as told
            where told.data ->> 'assertion_id' = renderings.assertion_id
                and told.data ? 'certificate_sha256'; -- the topic has other events too
        """
    )


def downgrade() -> None:
    op.execute("alter table renderings drop column certificate_sha256, drop column details_sha256")
