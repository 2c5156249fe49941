"""`python -m deploy.bench.mail_sink`: an SMTP server that takes every letter and forgets it. Prints its port.

For each line on its standard input it prints how many letters it has taken. It ends with its standard input.
"""

from __future__ import annotations

import sys
from typing import Any

from aiosmtpd.controller import Controller

from deploy.local.ports import free_port


class _Sink:
    taken = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken += 1
        return "250 2.0.0 ok"


def main() -> None:
    sink = _Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    print(controller.port, flush=True)
    for _ in sys.stdin:
        print(sink.taken, flush=True)
    controller.stop()


if __name__ == "__main__":
    main()
