"""An issuer killed (SIGKILL) after its relay published to Kafka and before it deleted the rows: the worst moment."""

from __future__ import annotations

import os
import signal
from typing import Any

from services.issuer.__main__ import main
from shared.runtime.outbox import Relay


def die(self: Relay, cursor: Any, ids: list[int]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


Relay._forget = die  # type: ignore[method-assign]
main()
