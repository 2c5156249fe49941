"""A year's badges come at once, after the server last counted its tables: it takes what waits for a row or none.

What each statement that takes the next few of them reads then is at most all that wait, once. A plan that compares all
with all would cost half a second for a few of 2 000, and a hundred times as much for a few of 20 000. The server keeps
the plan of a statement that is asked often, so each is tried with one that was made while nothing waited, too.
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
from services.ops.store.events import OpsTransaction
from services.renderer.store import RendererTransaction
from services.wallet.store import WalletTransaction
from shared.runtime.db import Database
from tests.worlds.grown import PREPARED, ROWS, Read, explained, grown, largest, listen

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
        "letters that holders ask for": (
            WalletTransaction,
            "insert into asked_letters (letter, address, language, asked_at)"
            f" select 'reset', n || '@example.jp', 'ja', now() from generate_series(1, {ROWS}) as n",
            lambda tx: tx.letters.take_asked(FEW),
        ),
    }


KINDS = _kinds()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    return listen(monkeypatch)


@pytest.mark.parametrize("asked_before", [0, PREPARED])
@pytest.mark.parametrize("kind", KINDS)
def test_the_next_few_of_a_sudden_crowd_are_found_by_one_look_at_it(
    kind: str, asked_before: int, reads: list[Read]
) -> None:
    transaction, arrive, take = KINDS[kind]
    service = transaction.__module__.split(".")[1]
    url = grown(service)
    store = Database(explained(url), service, transaction, lambda: NOW, pool=1)
    for _ in range(asked_before):
        with store.transaction() as tx:
            assert not take(tx)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(arrive)
    with store.transaction() as tx:
        reads.clear()
        assert len(take(tx)) == FEW
    store.close()
    assert largest(reads).rows <= MOST, largest(reads)


@pytest.mark.parametrize("change", ["eligible_at = eligible_at + interval '1 day'", "name = name || '子'"])
def test_what_changed_of_a_sudden_crowd_is_counted_by_one_look_at_the_notes_of_it(
    change: str, reads: list[Read]
) -> None:
    url = grown("ops")
    store = Database(explained(url), "ops", OpsTransaction, lambda: NOW, pool=1)
    with psycopg.connect(url, autocommit=True) as connection:
        with store.transaction() as tx:
            tx.standing.settle()  # what `grown` put in
        # A server that counted the few notes between two counts of ours once planned 18 s of comparing all with all.
        connection.execute("vacuum stirred, renamed")
        connection.execute("update pg_class set relpages = 2, reltuples = 5 where relname in ('stirred', 'renamed')")
        for _ in range(PREPARED):
            connection.execute(f"update people set {change} where registration_id = 'R-17'")
            with store.transaction() as tx:
                assert tx.standing.settle() > 0
        connection.execute(f"update people set {change}")
    with store.transaction() as tx:
        reads.clear()
        assert tx.standing.settle() >= ROWS
    store.close()
    looks = [read for read in reads if read.table in ("stirred", "renamed", "pairs")]
    assert largest(looks).rows <= MOST, largest(looks)
