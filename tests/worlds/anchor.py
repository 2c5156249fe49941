"""World of the anchor tests: one anchor process after the other, and an account that sends any calldata."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from eth_account.signers.local import LocalAccount

from services.anchor import handlers
from services.anchor.handlers import Ports
from services.anchor.network import submission
from services.anchor.network.submission import NetworkPorts
from services.anchor.store import AnchorTransaction
from shared.chain.registry import Registry, read_artifact
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, Award, BadgeReceived, Event, Holder
from shared.wire import decode
from tests.worlds.anvil import Anvil
from tests.worlds.objects import MemoryObjects
from tests.worlds.story import until

ROOT = Path(__file__).parents[2]
GWEI = 10**9

E = TypeVar("E", bound=Event)
NOW = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)


@dataclass
class World:
    """One anchor process after the other on the same chain, database and objects."""

    chain: Anvil
    ports: Ports
    network: NetworkPorts
    shelf: MemoryObjects
    account: LocalAccount
    clock: list[datetime] = field(default_factory=lambda: [NOW])

    def wait(self, seconds: float) -> None:
        self.clock[0] += timedelta(seconds=seconds)

    def award(self, *ids: str) -> None:
        """Issue and receive badges."""
        for id in ids:
            self.shelf.kept[f"credentials/{id}.json"] = json.dumps({"id": id, "proof": [{"type": "first"}]}).encode()
        self.note(AnchorTransaction.note_issued, [issued(id) for id in ids])
        self.note(AnchorTransaction.note_received, [received(id) for id in ids])

    def note(self, write: Callable[[AnchorTransaction, Sequence[E]], None], events: Sequence[E]) -> None:
        """As `process.note`: claimed and written in one transaction."""
        with self.ports.store.transaction() as tx:
            if claimed := tx.claim(events):
                write(tx, claimed)

    def close(self, *ids: str) -> bytes:
        """The root of a batch of received badges, closed."""
        self.award(*ids)
        self.wait(60)
        assert handlers.close_batch(self.ports) == len(ids)
        return bytes(self.rows("select root from batches order by closed_at desc limit 1")[0][0])

    def settle(self, rounds: int = 12) -> None:
        """Run ticks, mine blocks and let time pass."""
        for _ in range(rounds):
            submission.submit(self.network)
            submission.confirm(self.network)
            handlers.prove(self.ports)
            self.chain.mine()
            self.wait(2)

    def rows(self, query: str) -> list[Any]:
        with self.ports.store.transaction() as tx:
            return tx.cursor.execute(query).fetchall()

    def states(self) -> list[str]:
        return [row[0] for row in self.rows("select state from anchorings order by id")]

    def announced(self) -> list[AssertionAnchored]:
        found = [decode(bytes(row[0])) for row in self.rows("select value from outbox order by id")]
        return [event for event in found if isinstance(event, AssertionAnchored)]


def leaf(id: str) -> bytes:
    return sha256(id.encode()).digest()


def issued(id: str, corrects: str | None = None) -> AssertionIssued:
    award = Award(
        registration_id=f"r-{id}",
        cohort="2026",
        qualification="gishi",
        kind="new",
        pass_number="1",
        registration_number="2",
        valid_from=date(2026, 4, 1),
        valid_until=date(2030, 3, 31),
    )
    holder = Holder(person_id="p", family_name="見本", given_name="花子", email="h@example.jp")
    return AssertionIssued(
        assertion_id=id,
        leaf=leaf(id).hex(),
        award=award,
        holder=holder,
        issued_at=NOW,
        notify_from=NOW,
        status_list=1,
        status_index=1,
        version=1 if corrects is None else 2,
        corrects=corrects,
    )


def received(id: str) -> BadgeReceived:
    return BadgeReceived(assertion_id=id, received_at=NOW)


def revoked(id: str) -> AssertionRevoked:
    return AssertionRevoked(assertion_id=id, reason="withdrawn", revoked_at=NOW)


@dataclass(frozen=True)
class Receipt:
    succeeded: bool
    gas: int


class Hand:
    """Sends any calldata from an account that anvil signs for."""

    def __init__(self, chain: Anvil, contract: str, sender: str) -> None:
        self._chain = chain
        self._contract = contract
        self._sender = sender
        chain.fund(sender)
        chain.call("anvil_impersonateAccount", sender)

    def send(self, data: bytes) -> Receipt:
        call = {"from": self._sender, "to": self._contract, "data": "0x" + data.hex(), "gas": hex(5_000_000)}
        sent = self._chain.call("eth_sendTransaction", call)
        # anvil answers before the block with the transaction is there
        receipt = until(lambda: self._chain.call("eth_getTransactionReceipt", sent), seconds=5, what="a receipt")
        return Receipt(receipt["status"] == "0x1", int(receipt["gasUsed"], 16))


def encode(registry: Registry, name: str, *values: Any) -> bytes:
    contract = registry.node.web3.eth.contract(abi=read_artifact()["abi"])
    return bytes.fromhex(contract.encode_abi(name, args=list(values))[2:])
