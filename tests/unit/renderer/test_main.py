"""What is loaded before the processes that draw are forked, which all of them keep."""

from __future__ import annotations

import subprocess
import sys


def test_what_draws_no_page_is_not_loaded_before_the_workers_are_forked() -> None:
    code = "import sys, services.renderer.__main__; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert {"reportlab", "obstore"} <= set(loaded.stdout.split())
    assert not {"faust", "kafka", "psycopg", "uvicorn"} & set(loaded.stdout.split())
