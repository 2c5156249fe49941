"""`python -m services.issuer` runs the service."""

from __future__ import annotations

from services.issuer.config import read_config
from services.issuer.wiring import wire
from shared.runtime.start import start


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
