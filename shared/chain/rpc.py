"""One network's RPC endpoints, of which some may be away, behind, or lying. Used by anchor and verifier (registry.py).

What matters is believed only when `agreement` endpoints say the same. One that does not answer, or answers otherwise
than the others agree, is left out for a while and counted; with too few left, the answer is TryLater, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from time import monotonic
from typing import Any, Literal, TypeVar

from web3 import HTTPProvider, Web3
from web3.exceptions import BlockNotFound, ContractLogicError, TransactionNotFound, Web3RPCError

from shared.errors import TryLater
from shared.runtime.metrics import counter

T = TypeVar("T")

LEFT_OUT = counter(
    "chain_endpoints_left_out", "RPC endpoints left out for a while, by reason", ("network", "endpoint", "reason")
)

Reason = Literal["away", "wrong-chain", "disagrees", "behind", "ahead"]

_SILENT_LEAST = 1.0  # seconds for which an endpoint that was away isn't asked; doubled each time
_SILENT_MOST = 60.0
_SILENT_IN_NEED = 3.0  # when the others are too few to agree
_DOUBTED = 60.0  # seconds for which one that was outvoted is asked only if the others don't suffice
_CHECKED = 2.0  # seconds for which an endpoint's chain id is taken for known
_APART = 96  # blocks: three epochs; two honest endpoints don't differ by more for long


class WrongChain(TryLater):
    """The node works on another chain: mend the setting that the text names."""


class NoContract(WrongChain):
    """It is our chain, but our contract isn't there."""


class Refused(TryLater):
    """The contract said no to our call, or the node to our transaction. The text is the answer."""


class Endpoint:
    """One RPC URL. Whatever keeps it from answering is TryLater, another chain id WrongChain, a no Refused."""

    def __init__(self, number: int, url: str, network: str, chain_id: int, timeout: float) -> None:
        self.number = number
        self._url = url
        self._network = network
        self._chain_id = chain_id
        self._timeout = timeout
        self._known_until = 0.0
        self._failures = 0
        self.silent_since = self.silent_until = 0.0
        self.doubted_until = 0.0

    @cached_property
    def web3(self) -> Web3:
        return Web3(
            HTTPProvider(self._url, request_kwargs={"timeout": self._timeout}, exception_retry_configuration=None)
        )

    def any_chain_id(self) -> int:
        """The id of whatever chain it is on."""
        return int(self._guard(lambda web3: web3.eth.chain_id))

    def ask(self, question: Callable[[Web3], T]) -> T:
        """Its answer, once it is known to be on our chain; a failure leaves it out."""
        try:
            if monotonic() >= self._known_until:
                self._check_chain()
            answer = self._guard(question)
        except WrongChain:
            self._silence("wrong-chain")
            raise
        except Refused:
            self._failures = 0
            raise
        except TryLater:
            self._silence("away")
            raise
        self._failures = 0
        return answer

    def doubt(self, reason: Reason) -> None:
        LEFT_OUT.labels(self._network, str(self.number), reason).inc()
        self.doubted_until = monotonic() + _DOUBTED

    def _check_chain(self) -> None:
        got = self.any_chain_id()
        if got != self._chain_id:
            raise WrongChain(
                f"setting NETWORKS_FILE, {self._network}.rpc_urls: number {self.number} is on chain {got},"
                f" expected {self._chain_id}"
            )
        self._known_until = monotonic() + _CHECKED

    def _silence(self, reason: Reason) -> None:
        LEFT_OUT.labels(self._network, str(self.number), reason).inc()
        self._known_until = 0.0
        self.silent_since = monotonic()
        self.silent_until = self.silent_since + min(_SILENT_MOST, _SILENT_LEAST * 2 ** min(self._failures, 16))
        self._failures += 1

    def _guard(self, question: Callable[[Web3], T]) -> T:
        try:
            return question(self.web3)
        except (TransactionNotFound, BlockNotFound) as error:
            raise TryLater(f"{type(error).__name__}") from error
        except ContractLogicError as error:
            raise Refused(f"the contract answered: {error.data or error.message or error}") from error
        except Web3RPCError as error:
            raise Refused(f"the node answered: {_message(error)}"[:300]) from error
        except TryLater:
            raise
        except Exception as error:
            # requests, urllib3 and web3 have dozens of types for a node that is away, slow, behind or talks nonsense;
            # for the caller they are one. Their texts hold the node's URL, and with it the user's API key: left out.
            raise TryLater(f"node away or unwell: {type(error).__name__}; trying again") from error


class Node:
    """A network as its endpoints show it. Opens no connection before the first question. Thread-safe."""

    def __init__(
        self,
        rpc_urls: str | Sequence[str],
        chain_id: int,
        *,
        agreement: int | None = None,
        network: str = "local",
        timeout: float = 5.0,
    ) -> None:
        urls = [rpc_urls] if isinstance(rpc_urls, str) else list(rpc_urls)
        self.chain_id = chain_id
        self.network = network
        self.agreement = len(urls) // 2 + 1 if agreement is None else agreement
        self._endpoints = [Endpoint(number, url, network, chain_id, timeout) for number, url in enumerate(urls, 1)]

    @property
    def web3(self) -> Web3:
        """The first endpoint's, for what asks nobody (encoding), and for tests."""
        return self._endpoints[0].web3

    def any_chain_id(self) -> int:
        """The id of whatever chain the first endpoint is on."""
        return self._endpoints[0].any_chain_id()

    def sound(self) -> int:
        """How many endpoints are not left out at the moment."""
        now = monotonic()
        return sum(each.silent_until <= now and each.doubted_until <= now for each in self._endpoints)

    def ask(self, question: Callable[[Web3], T]) -> T:
        """What the first endpoint that can says: for prices and estimates, whose being wrong costs only time."""
        last: TryLater | None = None
        for endpoint in self._in_turn():
            try:
                return endpoint.ask(question)
            except TryLater as error:
                last = error
        raise last or self._nobody()

    def tell(self, question: Callable[[Web3], Any]) -> list[str]:
        """Put it to every endpoint: the refusals; as many as were reached when all refuse. TryLater: none reached."""
        last: TryLater | None = None
        taken, refusals = 0, []
        for endpoint in self._in_turn():
            try:
                endpoint.ask(question)
                taken += 1
            except Refused as error:
                refusals.append(str(error))
            except TryLater as error:
                last = error
        if not taken and not refusals:
            raise last or self._nobody()
        return [] if taken else refusals

    def agreed(self, question: Callable[[Web3], T]) -> T:
        """The answer that `agreement` endpoints give alike. Who gave another one is left out."""
        votes: list[tuple[T, list[Endpoint]]] = []
        last: TryLater | None = None
        for endpoint in self._in_turn():
            try:
                answer = endpoint.ask(question)
            except TryLater as error:
                last = error
                continue
            voters = next((who for said, who in votes if said == answer), None)
            if voters is None:
                voters = []
                votes.append((answer, voters))
            voters.append(endpoint)
            if len(voters) >= self.agreement:
                for _, others in votes:
                    if others is not voters:
                        for other in others:
                            other.doubt("disagrees")
                return answer
        if not votes:
            raise last or self._nobody()
        count = sum(len(who) for _, who in votes)
        raise TryLater(f"{self.network}: {count} endpoints answered {len(votes)} ways, expected {self.agreement} alike")

    def reached(self, question: Callable[[Web3], int]) -> int:
        """The highest number that `agreement` endpoints have reached: of finality or of our transactions.

        One that runs ahead is not believed, one behind doesn't count; far off, they are left out.
        """
        said: list[tuple[int, Endpoint]] = []
        last: TryLater | None = None
        for endpoint in self._in_turn():
            if len(said) >= self.agreement and endpoint.doubted_until > monotonic():
                break
            try:
                said.append((endpoint.ask(question), endpoint))
            except TryLater as error:
                last = error
        if len(said) < self.agreement:
            raise last or self._nobody()
        number = sorted((number for number, _ in said), reverse=True)[self.agreement - 1]
        for other, endpoint in said:
            if abs(other - number) > _APART:
                endpoint.doubt("ahead" if other > number else "behind")
        return number

    def _in_turn(self) -> Iterator[Endpoint]:
        """The sound ones, then those doubted; those that were away lately only if the others are too few to agree."""
        now = monotonic()
        here = [each for each in self._endpoints if each.silent_until <= now]
        yield from sorted(here, key=lambda each: each.doubted_until > now)
        if len(here) < self.agreement:
            yield from (
                each for each in self._endpoints if each not in here and each.silent_since + _SILENT_IN_NEED <= now
            )

    def _nobody(self) -> TryLater:
        return TryLater(f"{self.network}: too few endpoints answer; trying again")


def _message(error: Web3RPCError) -> str:
    answer = (error.rpc_response or {}).get("error", {})
    return str(answer.get("message") if isinstance(answer, dict) else answer) or str(error.message)
