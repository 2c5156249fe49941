"""`python -m tests.worlds.dying_mailer URL PORT STEP`: a mailer that sends, and kills itself (SIGKILL) at a step.

`leased`: its letters are leased and none is handed over. `taken`: the server has taken one and nothing is written down.
`answered`: all answers of a round are there, none is written down. `noted`: they are. `never`: it sends all.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from typing import Any

from services.mailer import handlers
from services.mailer.deliveries import Deliveries
from services.mailer.smtp import SmtpPool, SmtpServer
from tests.worlds.mailer import APRIL_1, mailer_at

CONNECTIONS = 4
STEPS = ("leased", "taken", "answered", "noted")
_LATER = 20  # rounds, or letters, before it dies: in the middle


class Dying(Deliveries):
    def __init__(self, step: str) -> None:
        super().__init__(CONNECTIONS)
        self._step = step
        self._reached = 0

    def reached(self, step: str) -> None:
        self._reached += step == self._step
        if self._reached > _LATER:
            os.kill(os.getpid(), signal.SIGKILL)

    def start(self, messages: Any, deliver: Any) -> None:
        if messages:
            self.reached("leased")
        super().start(messages, deliver)

    def answered(self) -> Any:
        answered = super().answered()
        if answered:
            self.reached("answered")
        return answered

    def forget(self) -> None:
        self.reached("noted")
        super().forget()


def main() -> None:
    url, port, step = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    pool, deliveries = SmtpPool(SmtpServer("127.0.0.1", port, seconds=10)), Dying(step)

    def send(return_path: str, recipient: str, message: bytes) -> Any:
        reply = pool.send(return_path, recipient, message)
        deliveries.reached("taken")
        return reply

    with mailer_at(url, send) as mailer:
        mailer.moment = APRIL_1
        mailer.ports = replace(mailer.ports, deliveries=deliveries)
        while handlers.send(mailer.ports):
            pass
    os._exit(0)


if __name__ == "__main__":
    main()
