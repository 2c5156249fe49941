"""`python -m services.renderer` runs the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.renderer.config import Config, read_config
from services.renderer.domain.certificate import Press
from services.renderer.pdf.signature import Signer
from services.renderer.pdf.typeface import MissingGlyph
from services.renderer.rendering import WorkerMeans
from services.renderer.workers import Renderers
from shared.errors import RefuseToStart
from shared.runtime.objects import Objects
from shared.runtime.start import start

if TYPE_CHECKING:
    from shared.runtime.process import Process


def wire(config: Config) -> Process:
    runtime = config.runtime
    signer = _signer(config)
    try:
        press = Press(runtime.programme, config.font_folder, config.extra_fonts, config.seal)
    except OSError as error:
        raise RefuseToStart(
            f"setting FONT_FOLDER: got {config.font_folder}, expected the fonts of the certificates ({error})"
        ) from error
    except (ValueError, MissingGlyph) as error:
        raise RefuseToStart(f"setting PROGRAMME_FILE, FONT_FOLDER or EXTRA_FONTS: {error}") from error
    # Here: neither the database's pool nor object storage has started its threads yet.
    renderers = None
    if config.workers > 1:
        renderers = Renderers(config.workers, lambda: _means(config, press, signer), config.public_url)
    # And here: all but drawing is loaded once the nursery is forked, whose memory is each worker's.
    from services.renderer.app import build
    from services.renderer.handlers import Ports
    from services.renderer.store import RendererTransaction, Store

    return build(
        config,
        Ports(
            store=Store(runtime.database_url, runtime.service, RendererTransaction, runtime.clock),
            objects=Objects(config.objects),
            press=press,
            public_url=config.public_url,
            now=runtime.clock,
            signer=signer,
            renderers=renderers,
        ),
    )


def _means(config: Config, press: Press, signer: Signer | None) -> WorkerMeans:
    """What a worker renders with: the fonts are those of the process that it was forked from."""
    return WorkerMeans(Objects(config.objects), press, config.public_url, config.runtime.clock, signer)


def _signer(config: Config) -> Signer | None:
    if config.signature is None:
        return None
    try:
        return Signer(config.signature, config.runtime.programme.society.name.ja)
    except (OSError, ValueError) as error:
        raise RefuseToStart(f"setting SIGNING_KEY_FILE: {error}") from error


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
