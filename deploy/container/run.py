"""`python -m deploy.container.run SERVICE`: what the image runs. It checks the name and becomes the service."""

from __future__ import annotations

import os
import sys

from shared.topics import SERVICES


def main() -> None:
    service = sys.argv[1] if len(sys.argv) == 2 else ""
    if service not in SERVICES:
        raise SystemExit(f"service: got {' '.join(sys.argv[1:]) or 'none'}, expected one of {', '.join(SERVICES)}")
    os.execv(sys.executable, [sys.executable, "-m", f"services.{service}"])


if __name__ == "__main__":
    main()
