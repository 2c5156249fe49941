"""messages.domain: where a letter goes, beside its bytes, which are no longer compressed; what finds corrections."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# To compress base64 took as long as all else of the write, and saved a third. What is stored already stays so.
TABLES = """
alter table messages alter column message set storage external;
alter table messages add column domain text not null default '';
comment on column messages.domain is 'of the address, in lower case, set with the bytes; empty if a release before did';
update messages set domain = lower(split_part(coalesce(email, recipient), '@', 2))
    from messages as written left join holders using (assertion_id) left join requests using (request_id)
    where written.id = messages.id and messages.state in ('queued', 'deferred')
    and coalesce(email, recipient) is not null;
create index messages_to_send_by_domain on messages (domain, next_try_at) where state in ('queued', 'deferred');
create index holders_undecided on holders (assertion_id) where corrects is not null and told_by is null;
"""

BACK = """
drop index holders_undecided, messages_to_send_by_domain;
alter table messages drop column domain;
alter table messages alter column message set storage extended;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(BACK)
