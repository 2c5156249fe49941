"""`python -m services.registration` runs the service."""

from __future__ import annotations

import sys

from services.registration.app import build
from services.registration.config import Config, read_config
from services.registration.domain.record import Rules
from services.registration.handlers import Ports
from services.registration.store import RegistrationTransaction, Store
from shared.errors import RefuseToStart
from shared.glyphs import Glyphs, load_glyphs
from shared.runtime.process import Process
from shared.runtime.start import start


def wire(config: Config) -> Process:
    runtime = config.runtime
    ports = Ports(
        store=Store(runtime.database_url, runtime.service, RegistrationTransaction, runtime.clock, pool=8),
        rules=Rules(runtime.programme, _glyphs(config).missing),
        cycle=config.cycle,
        settle=config.settle,
        now=runtime.clock,
    )
    return build(config, ports)


def _glyphs(config: Config) -> Glyphs:
    try:
        return load_glyphs(config.font_folder, config.extra_fonts)
    except (OSError, ValueError) as error:
        raise RefuseToStart(f"setting FONT_FOLDER or EXTRA_FONTS: {error}; expected the certificate's fonts") from error


_SWITCH_SECONDS = 0.001  # Python's is 0.005: a page that asks the database ten times waits so long for each answer
"""After which a thread that reads a delivery lets another one of this process go on."""


def main() -> None:
    sys.setswitchinterval(_SWITCH_SECONDS)
    start(read_config, wire)


if __name__ == "__main__":
    main()
