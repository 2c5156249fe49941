"""A mailer that is killed (SIGKILL) at each step of its sending; with a real mail server and a real PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter

from services.mailer import handlers
from services.mailer.domain.delivery import Sent
from tests.worlds.dying_mailer import CONNECTIONS, STEPS
from tests.worlds.mailer import APRIL_1, issued, mailer_at
from tests.worlds.postgres import Databases
from tests.worlds.smtp_server import smtpd

LETTERS = int(os.environ.get("MANY", "400"))


def test_of_a_mailer_killed_at_each_step_every_letter_arrives_and_few_twice_with_the_same_bytes(
    databases: Databases,
) -> None:
    """Four deaths among 400 letters, or among `MANY`: docs/mail.md."""
    url = databases.fresh()
    with smtpd() as server, mailer_at(url, lambda *_: Sent("250 ok")) as mailer:
        server.pipelining = True
        mailer.handle_batch([issued(f"{number:026}", email=f"p{number}@example.jp") for number in range(LETTERS)])
        mailer.moment = APRIL_1
        while handlers.write(mailer.ports):
            pass
        for step in (*STEPS, "never"):
            child = subprocess.run(
                [sys.executable, "-m", "tests.worlds.dying_mailer", url, str(server.port), step],
                check=False,
                timeout=max(120, LETTERS),
            )
            assert child.returncode == (0 if step == "never" else -signal.SIGKILL), step
            with mailer.ports.store.transaction() as tx:  # thirty seconds go by: the leases of the dead end
                tx.cursor.execute("update messages set sending_until = clock_timestamp() - interval '1 second'")
        last = {event.assertion_id: event.state for event in mailer.letter_events()}
        assert Counter(last.values()) == {"sent": LETTERS}
        taken = Counter(taken.recipient for taken in server.taken)
        assert len(taken) == LETTERS
        assert sum(times - 1 for times in taken.values()) <= CONNECTIONS * len(STEPS)
        assert len({(taken.recipient, taken.content) for taken in server.taken}) == LETTERS
