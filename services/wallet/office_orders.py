"""The orders of the office that the wallet carries out: steps for orders of paper, ends of sessions."""

from __future__ import annotations

from collections.abc import Sequence

from services.wallet import paper_office
from services.wallet.account import sessions_office
from services.wallet.ports import Ports
from shared.office_events import OfficeDecided


def is_ours(decision: OfficeDecided) -> bool:
    """Whether the wallet carries this decision out; other services carry out the rest."""
    return paper_office.is_ours(decision) or sessions_office.is_ours(decision)


def carry_out(decisions: Sequence[OfficeDecided], ports: Ports) -> None:
    """Any time. Each order is settled with its outcome."""
    refused = []
    with ports.store.transaction() as tx:
        for decision in tx.claim([each for each in decisions if is_ours(each)]):
            if sessions_office.is_ours(decision):
                sessions_office.end(tx, decision, ports)
            else:
                refused.append((decision, paper_office.take_step(tx, decision, ports)))
        # If we die before the commit, the decisions come again from Kafka; after it, the inbox drops them, and what
        # each brings about is announced once.
    for step, lines in refused:
        paper_office.note_taken(step, lines)
