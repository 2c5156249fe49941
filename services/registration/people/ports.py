"""What the pages for people are given: address screen and enquiries. The handlers' ports are in `handlers.py`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from services.registration.domain.cohort import CohortCycle
from services.registration.store import Store
from shared.attempt_limit import Limit
from shared.clock import Clock
from shared.programme import Programme


@dataclass(frozen=True)
class DeskPorts:
    store: Store
    programme: Programme
    cycle: CohortCycle
    now: Clock
    secret: bytes  # of links and of what is kept of attempts
    desk_url: str  # of the pages, as people see them
    ops_url: str | None  # of the office's pages, for the link to a person's record; None: no link
    new_token: Callable[[], str]  # of sessions and requests: not guessable
    wake: Callable[[], None]  # called when there is something to judge
    recovery_wait: timedelta  # until a holder's new address takes effect

    def blinded(self, limits: Iterable[Limit]) -> list[Limit]:
        """With keys that tell nothing of what is limited without the secret: so they are kept."""
        return [replace(limit, key=self._blinded(limit.key)) for limit in limits]

    def _blinded(self, key: str) -> str:
        return hmac.new(self.secret, f"limit/{key}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def qualifications(self, desk: str) -> list[str]:
        """The ids of those that this desk answers for."""
        return [id for id, each in self.programme.qualifications.items() if each.desk == desk]
