"""A year's badges come at once, after the server last counted its tables: it takes what waits for a row or none.

What each statement that takes the next few of them reads then is at most all that wait, once. A plan that compares all
with all would cost half a second for a few of 2 000, and a hundred times as much for a few of 20 000.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from services.anchor.store import AnchorTransaction
from services.issuer.store import IssuerTransaction
from services.mailer.store.ledger import MailerTransaction
from services.renderer.store import RendererTransaction
from shared.runtime.db import Database
from tests.worlds.grown import ROWS, Read, explained, grown, largest, listen

NOW = datetime.now(UTC)
FEW = 20
MOST = ROWS + 10 * FEW  # all that wait, and once more those that are taken
ROOT = hashlib.sha256(b"1").digest()  # of a batch that is there

Take = Callable[[Any], Sequence[Any]]


def _kinds() -> dict[str, tuple[type[Any], str, Take]]:
    """What waits → the service's transaction, how all of it comes to wait, and how the next few are taken."""
    announcement = (
        '{"assertion_id": "A", "leaf": "l", "award": {"registration_id": "R", "cohort": "2025", "qualification": "g",'
        ' "kind": "new", "pass_number": "1", "registration_number": "1", "valid_from": "2025-04-01",'
        ' "valid_until": "2030-03-31"}, "holder": {"person_id": "p", "family_name": "f", "given_name": "g",'
        ' "email": "e"}, "issued_at": "2025-04-01T00:00:00Z", "notify_from": "2025-04-01T00:00:00Z",'
        ' "status_list": 1, "status_index": 1}'
    )
    announced = f"announcement = convert_to('{announcement}', 'utf8')"
    signed = f"update assertions set state = 'signed', stored_at = null, {announced}"
    return {
        "credentials to store": (IssuerTransaction, signed, lambda tx: tx.take_pending(FEW, NOW)),
        "corrected credentials to store": (
            IssuerTransaction,
            f"{signed}, version = 2",
            lambda tx: tx.take_pending(FEW, NOW),
        ),
        "leaves for a batch": (
            AnchorTransaction,
            "update leaves set root = null, proved_at = null",
            lambda tx: tx.leaves.waiting_longest(FEW),
        ),
        "proofs to append": (
            AnchorTransaction,
            f"update leaves set root = '\\x{ROOT.hex()}', proved_at = null",
            lambda tx: tx.leaves.unproved(ROOT, FEW),
        ),
        "certificates to render": (
            RendererTransaction,
            "update renderings set state = 'pending', rendered_at = null",
            lambda tx: tx.take_due(FEW, NOW),
        ),
        "letters to write": (
            MailerTransaction,
            "update messages set state = 'waiting', next_try_at = created_at, written_at = null, settled_at = null"
            " where letter = 'award'",
            lambda tx: tx.due(NOW, FEW),
        ),
        "letters to hand over": (
            MailerTransaction,
            "update messages set state = 'queued', message = 'a letter', next_try_at = created_at, settled_at = null"
            " where letter = 'award'",
            lambda tx: tx.to_send(NOW, FEW, "this mailer", [], []),
        ),
    }


KINDS = _kinds()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    return listen(monkeypatch)


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_few_of_a_sudden_crowd_are_found_by_one_look_at_it(kind: str, reads: list[Read]) -> None:
    transaction, arrive, take = KINDS[kind]
    service = transaction.__module__.split(".")[1]
    url = grown(service)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(arrive)
    store = Database(explained(url), service, transaction, lambda: NOW)
    with store.transaction() as tx:
        reads.clear()
        assert len(take(tx)) == FEW
    store.close()
    assert largest(reads).rows <= MOST, largest(reads)
