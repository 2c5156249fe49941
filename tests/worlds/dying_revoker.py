"""An issuer that revokes in batches of 50, killed (SIGKILL) after the second commit and before Kafka knows of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from services.issuer import handlers
from services.issuer.__main__ import main
from shared.office_events import OfficeDecided
from shared.runtime import consume

consume._BATCH = 50
revoke, calls = handlers.revoke, 0


def die(orders: Sequence[OfficeDecided], ports: handlers.Ports) -> None:
    global calls
    revoke(orders, ports)
    calls += 1
    if calls == 2:
        os.kill(os.getpid(), signal.SIGKILL)


handlers.revoke = die
main()
