"""anchorings: one for each transaction's worth of roots on one network; a batch has one on each. Badges' last day."""

from __future__ import annotations

import sqlalchemy
from alembic import op

from shared.credentials.merkle_proof import NETWORKS

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        -- Where it is to stand is fixed here, so a change of settings takes nothing from what is on its way.
        create table anchorings (
            id bigint generated always as identity primary key,
            network text not null,
            chain_id bigint not null,
            contract text not null,
            many boolean not null default false,  -- by anchorMany: the move to a successor network
            state text not null default 'closed' check (state in ('closed', 'signed', 'sent', 'mined', 'final')),
            transaction text,
            block_number bigint,
            block_hash text,
            anchored_at timestamptz,
            final_at timestamptz,
            attempts integer not null default 0,
            next_try_at timestamptz not null,
            last_error text
        );
        create index anchorings_pending on anchorings (chain_id, contract, next_try_at) where state <> 'final';

        -- A root goes to a place once.
        create table anchored_roots (
            root bytea not null references batches,
            chain_id bigint not null,
            contract text not null,
            anchoring bigint not null references anchorings on delete cascade,
            primary key (root, chain_id, contract)
        );
        create index anchored_roots_of_anchoring on anchored_roots (anchoring);

        alter table transactions add column anchoring bigint references anchorings on delete set null;
        alter table batches add column decided_by bigint references anchorings, add column proof_names text;
        alter table leaves add column valid_until date;
        """
    )
    _move_batches()
    op.execute(
        """
        alter table transactions drop column root;
        create index transactions_of_anchoring on transactions (anchoring, number);
        alter table batches drop column state, drop column transaction, drop column block_number,
            drop column block_hash, drop column anchored_at, drop column final_at, drop column attempts,
            drop column next_try_at, drop column last_error;
        update batches set manifest_at = null;  -- its form has changed: it lists all networks
        create index batches_undecided on batches (closed_at) where decided_by is null;
        """
    )


def _move_batches() -> None:
    """Each batch that has a transaction knows by it where it goes; one that has none is assigned by the service."""
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from hexbytes import HexBytes

    names = {chain_id: name for name, chain_id in NETWORKS.items()}
    connection = op.get_bind()
    rows = connection.execute(
        sqlalchemy.text("select distinct on (root) root, raw from transactions order by root, number desc")
    ).fetchall()
    for root, raw in rows:
        sent = TypedTransaction.from_bytes(HexBytes(bytes(raw))).as_dict()
        chain_id, contract = int(sent["chainId"]), "0x" + bytes(HexBytes(sent["to"])).hex()
        id = connection.execute(
            sqlalchemy.text(
                "insert into anchorings (network, chain_id, contract, state, transaction, block_number, block_hash,"
                " anchored_at, final_at, attempts, next_try_at, last_error)"
                " select :network, :chain_id, :contract, state, transaction, block_number, block_hash, anchored_at,"
                " final_at, attempts, next_try_at, last_error from batches where root = :root returning id"
            ),
            {"network": names.get(chain_id, str(chain_id)), "chain_id": chain_id, "contract": contract, "root": root},
        ).scalar_one()
        for statement in (
            "insert into anchored_roots values (:root, :chain_id, :contract, :id)",
            "update transactions set anchoring = :id where root = :root",
            "update batches set decided_by = :id, proof_names = transaction where root = :root and state = 'final'",
        ):
            connection.execute(
                sqlalchemy.text(statement), {"id": id, "root": root, "chain_id": chain_id, "contract": contract}
            )


def downgrade() -> None:
    """Each batch keeps its deciding network, or else its oldest; what it had on others is forgotten."""
    op.execute(
        """
        create temporary table kept on commit drop as
            select distinct on (roots.root) roots.root, anchorings.* from anchored_roots roots
            join anchorings on anchorings.id = roots.anchoring join batches on batches.root = roots.root
            where not many order by roots.root, (anchorings.id = batches.decided_by) desc nulls last, anchorings.id;
        alter table batches add column state text not null default 'closed'
            check (state in ('closed', 'signed', 'sent', 'mined', 'final')),
            add column transaction text, add column block_number bigint, add column block_hash text,
            add column anchored_at timestamptz, add column final_at timestamptz,
            add column attempts integer not null default 0,
            add column next_try_at timestamptz not null default '-infinity', add column last_error text;
        update batches set state = kept.state, transaction = kept.transaction, block_number = kept.block_number,
            block_hash = kept.block_hash, anchored_at = kept.anchored_at, final_at = kept.final_at
            from kept where kept.root = batches.root;
        alter table batches alter column next_try_at drop default, drop column decided_by, drop column proof_names;
        create index batches_pending on batches (next_try_at) where state <> 'final';
        alter table transactions add column root bytea references batches;
        update transactions set root = kept.root from kept where kept.id = transactions.anchoring;
        delete from transactions where root is null;
        alter table transactions alter column root set not null, drop column anchoring;
        create index transactions_of_batch on transactions (root, number);
        alter table leaves drop column valid_until;
        drop table anchored_roots;
        drop table anchorings;
        """
    )
