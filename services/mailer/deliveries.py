"""Messages on their way to the mail server: several at once, each in a thread that owns nothing but that message.

No transaction is open while the server answers. What is on its way is known here and, by its lease, in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from datetime import datetime
from uuid import uuid4

from services.mailer.domain.delivery import SmtpReply
from services.mailer.domain.pacing import Breaker, DomainLimits, Pace
from services.mailer.domain_turns import DomainTurns
from services.mailer.store.messages import OutgoingMessage
from shared.addresses import domain_of

_TOGETHER = 0.01  # seconds: a commit for each answer alone would cost as much as the letter


class Deliveries:
    """What is on its way now. For one thread: the tick that sends."""

    def __init__(
        self,
        connections: int = 1,
        limits: DomainLimits | None = None,
        threads: Executor | None = None,
        turns: DomainTurns | None = None,
    ) -> None:
        """`connections`: how many messages are handed over at once, at most; `threads` (default: so many) do it.

        `turns`: with other replicas, who writes to which domain; None when there are none.
        """
        self.breaker = Breaker()
        self.name = uuid4().hex  # of the leases: another process, or this one started again, has another
        self.renewed_at = 0.0  # by `time.monotonic`
        self._connections = connections
        self._pace = Pace(limits or DomainLimits())
        self._turns = turns
        self._threads = threads or ThreadPoolExecutor(connections, "smtp")
        self._admitted: list[OutgoingMessage] = []
        self._answered: list[tuple[OutgoingMessage, Future[SmtpReply]]] = []
        self._flying: dict[Future[SmtpReply], OutgoingMessage] = {}

    def __len__(self) -> int:
        return len(self._flying)

    @property
    def flying(self) -> list[OutgoingMessage]:
        """Those on their way."""
        return list(self._flying.values())

    def room(self, now: datetime) -> int:
        """How many more messages may start now."""
        return self.breaker.room(self._connections, len(self._flying), now)

    def busy(self, now: datetime) -> list[str]:
        """Domains to which none may start now."""
        others = self._turns.of_others() if self._turns is not None else set()
        return [*{*self._pace.busy(now), *others}]

    def take_turns(self, messages: Sequence[OutgoingMessage]) -> list[OutgoingMessage]:
        """The `messages` whose domains are ours now: no other replica writes there until we give the turns back."""
        if self._turns is None:
            return list(messages)
        others = self._turns.take({domain_of(message.email) for message in messages})
        return [message for message in messages if domain_of(message.email) not in others]

    def give_turns_back(self, now: datetime) -> None:
        """Those of domains that were not written to for a while: another replica may begin with a full allowance."""
        if self._turns is not None:
            self._turns.give_back(self._pace.written_to(now))

    def admit(self, message: OutgoingMessage, now: datetime) -> bool:
        """Whether the message may go to its domain now. It is then to be started."""
        if not self._pace.admit(domain_of(message.email), now):
            return False
        self._admitted.append(message)
        return True

    def dismiss(self) -> None:
        """Those that were admitted and not started will not be: the transaction that was to lease them failed."""
        for message in self._admitted:
            self._pace.done(domain_of(message.email))
        self._admitted.clear()

    def start(self, messages: Sequence[OutgoingMessage], deliver: Callable[[OutgoingMessage], SmtpReply]) -> None:
        """Hand over the messages that were admitted, each in a thread."""
        for message in messages:
            self._flying[self._threads.submit(deliver, message)] = message
        self._admitted.clear()

    def wait(self, seconds: float) -> None:
        """Until one is finished, or so long. Those that finish right after it count too: one commit for all of them."""
        if wait(self._flying, seconds, FIRST_COMPLETED).not_done:
            wait(self._flying, _TOGETHER)

    def answered(self) -> list[tuple[OutgoingMessage, Future[SmtpReply]]]:
        """Those that are not on their way any more, until `forget`."""
        for future in [future for future in self._flying if future.done()]:
            message = self._flying.pop(future)
            self._pace.done(domain_of(message.email))
            if isinstance(error := future.exception(), Exception | None):
                self._answered.append((message, future))
            else:
                raise error  # the process is to end
        return list(self._answered)

    def forget(self) -> None:
        """What became of the answered ones is written down."""
        self._answered.clear()
