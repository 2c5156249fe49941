"""One network's RPC endpoints, some of which may be unavailable, behind, or lying. Used by anchor and verifier.

Facts need the same answer from `agreement` endpoints. An endpoint that doesn't answer, or disagrees with them, is left
out for a while and counted; with too few left, the result is TryLater, never a guess.
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

_LEAST_PAUSE = 1.0  # seconds for which an unavailable endpoint isn't asked; doubled with each failure
_MOST_PAUSE = 60.0
_PAUSE_WHEN_NEEDED = 3.0  # when the others are too few to agree
_DISTRUSTED_FOR = 60.0  # seconds for which an outvoted endpoint is asked only when the others are too few
_CHAIN_ID_KNOWN_FOR = 2.0  # seconds for which an endpoint's chain id isn't checked again
_MOST_BLOCKS_APART = 96  # three epochs: two honest endpoints don't differ by more for long


class WrongChain(TryLater):
    """The node is on another chain: correct the setting that the text names."""


class NoContract(WrongChain):
    """The node is on our chain, but our contract isn't there."""


class Refused(TryLater):
    """The contract refused our call, or the node our transaction. The text has its answer."""


class Endpoint:
    """One RPC URL. Raises TryLater when it gives no answer, WrongChain for another chain id, Refused for a refusal."""

    def __init__(self, number: int, url: str, network: str, chain_id: int, timeout: float) -> None:
        self.number = number
        self._url = url
        self._network = network
        self._chain_id = chain_id
        self._timeout = timeout
        self._known_until = 0.0
        self._failures = 0
        self.paused_since = self.paused_until = 0.0
        self.distrusted_until = 0.0

    @cached_property
    def web3(self) -> Web3:
        return Web3(
            HTTPProvider(self._url, request_kwargs={"timeout": self._timeout}, exception_retry_configuration=None)
        )

    def any_chain_id(self) -> int:
        """The id of the chain it is on, ours or not."""
        return int(self._guard(lambda web3: web3.eth.chain_id))

    def ask(self, question: Callable[[Web3], T]) -> T:
        """Its answer, after a check that it is on our chain; a failure leaves it out for a while."""
        try:
            if monotonic() >= self._known_until:
                self._check_chain()
            answer = self._guard(question)
        except WrongChain:
            self._pause("wrong-chain")
            raise
        except Refused:
            self._failures = 0
            raise
        except TryLater:
            self._pause("away")
            raise
        self._failures = 0
        return answer

    def distrust(self, reason: Reason) -> None:
        LEFT_OUT.labels(self._network, str(self.number), reason).inc()
        self.distrusted_until = monotonic() + _DISTRUSTED_FOR

    def _check_chain(self) -> None:
        got = self.any_chain_id()
        if got != self._chain_id:
            raise WrongChain(
                f"setting NETWORKS_FILE, {self._network}.rpc_urls: number {self.number} is on chain {got},"
                f" expected {self._chain_id}"
            )
        self._known_until = monotonic() + _CHAIN_ID_KNOWN_FOR

    def _pause(self, reason: Reason) -> None:
        LEFT_OUT.labels(self._network, str(self.number), reason).inc()
        self._known_until = 0.0
        self.paused_since = monotonic()
        self.paused_until = self.paused_since + min(_MOST_PAUSE, _LEAST_PAUSE * 2 ** min(self._failures, 16))
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
            # requests, urllib3 and web3 have dozens of types for a node that is unavailable, slow, behind or answers
            # nonsense; the caller handles them alike. Their texts hold the node's URL with its API key: left out.
            raise TryLater(f"node away or unwell: {type(error).__name__}; trying again") from error


class Node:
    """A network through its endpoints. Opens no connection before the first call. Thread-safe."""

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
        """The first endpoint's, for encoding, which calls no node, and for tests."""
        return self._endpoints[0].web3

    def any_chain_id(self) -> int:
        """The id of the chain that the first endpoint is on, ours or not."""
        return self._endpoints[0].any_chain_id()

    def sound(self) -> int:
        """The number of endpoints that aren't left out at the moment."""
        now = monotonic()
        return sum(each.paused_until <= now and each.distrusted_until <= now for each in self._endpoints)

    def ask(self, question: Callable[[Web3], T]) -> T:
        """The answer of the first endpoint that gives one: for prices and estimates, where an error only costs time."""
        last: TryLater | None = None
        for endpoint in self._in_order():
            try:
                return endpoint.ask(question)
            except TryLater as error:
                last = error
        raise last or self._too_few()

    def tell(self, question: Callable[[Web3], Any]) -> list[str]:
        """Send it to every endpoint. The refusals if all that were reached refuse, else []. TryLater: none reached."""
        last: TryLater | None = None
        accepted, refusals = 0, []
        for endpoint in self._in_order():
            try:
                endpoint.ask(question)
                accepted += 1
            except Refused as error:
                refusals.append(str(error))
            except TryLater as error:
                last = error
        if not accepted and not refusals:
            raise last or self._too_few()
        return [] if accepted else refusals

    def agreed(self, question: Callable[[Web3], T]) -> T:
        """The answer that `agreement` endpoints give. Endpoints that gave another one are left out for a while."""
        votes: list[tuple[T, list[Endpoint]]] = []
        last: TryLater | None = None
        for endpoint in self._in_order():
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
                            other.distrust("disagrees")
                return answer
        if not votes:
            raise last or self._too_few()
        count = sum(len(who) for _, who in votes)
        raise TryLater(f"{self.network}: {count} endpoints answered {len(votes)} ways, expected {self.agreement} alike")

    def reached(self, question: Callable[[Web3], int]) -> int:
        """The highest number that `agreement` endpoints have reached: the final block, or our transaction count.

        A higher number of fewer endpoints doesn't count; an endpoint far ahead or behind is left out for a while.
        """
        said: list[tuple[int, Endpoint]] = []
        last: TryLater | None = None
        for endpoint in self._in_order():
            if len(said) >= self.agreement and endpoint.distrusted_until > monotonic():
                break
            try:
                said.append((endpoint.ask(question), endpoint))
            except TryLater as error:
                last = error
        if len(said) < self.agreement:
            raise last or self._too_few()
        number = sorted((number for number, _ in said), reverse=True)[self.agreement - 1]
        for other, endpoint in said:
            if abs(other - number) > _MOST_BLOCKS_APART:
                endpoint.distrust("ahead" if other > number else "behind")
        return number

    def _in_order(self) -> Iterator[Endpoint]:
        """The sound ones, then the distrusted; those that failed lately only if the others are too few to agree."""
        now = monotonic()
        here = [each for each in self._endpoints if each.paused_until <= now]
        yield from sorted(here, key=lambda each: each.distrusted_until > now)
        if len(here) < self.agreement:
            yield from (
                each for each in self._endpoints if each not in here and each.paused_since + _PAUSE_WHEN_NEEDED <= now
            )

    def _too_few(self) -> TryLater:
        return TryLater(f"{self.network}: too few endpoints answer; trying again")


def _message(error: Web3RPCError) -> str:
    answer = (error.rpc_response or {}).get("error", {})
    return str(answer.get("message") if isinstance(answer, dict) else answer) or str(error.message)
