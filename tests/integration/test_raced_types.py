"""shared/runtime/structs.py: types that many threads decode at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_threads_that_decode_a_type_for_the_first_time_at_one_moment_do_no_harm() -> None:
    raced = subprocess.run(
        [sys.executable, "-m", "tests.worlds.raced_types"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (raced.returncode, raced.stdout) == (0, "400\n"), raced.stderr
