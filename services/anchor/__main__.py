"""`python -m services.anchor` runs the service."""

from __future__ import annotations

from services.anchor.config import read_config
from services.anchor.wiring import wire
from shared.runtime.start import start


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
