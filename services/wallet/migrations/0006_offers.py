"""offers: badges that their holders take into other wallets (OpenID4VCI)."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table offers (
            code_sha256 bytea primary key,
            assertion_id text not null,
            account_id bigint not null references accounts on delete cascade,
            expires_at timestamptz not null,
            token_sha256 bytea unique
        );
        comment on column offers.expires_at is 'of the code; once it is redeemed, of the access token';
        comment on column offers.token_sha256 is 'null until the code is redeemed, which it can be once';
        create index offers_account on offers (account_id);
        create index offers_expires_at on offers (expires_at);
        """
    )


def downgrade() -> None:
    op.execute("drop table offers")
