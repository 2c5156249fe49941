"""A renderer with two workers, killed (SIGKILL) again and again while they work. Run as a process: it must be forked.

`python -m tests.worlds.render_side_by_side DATABASE_URL FOLDER POISON`: renders all that is due, with the objects in a
folder; a worker that reads the credential of the assertion POISON dies of it, and after every twelfth put who put dies.
At last the nursery is killed, too. The file `killed` beside the objects has a line for each worker that was.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL
from typing import cast

import psutil

from services.renderer.domain.certificate import Press
from services.renderer.handlers import Ports, render
from services.renderer.rendering import Pictures, WorkerMeans
from services.renderer.store import RendererTransaction, Store
from services.renderer.workers import Renderers
from shared import object_keys
from shared.errors import NotFound
from shared.runtime.objects import ErasableObjects
from tests.worlds.credentials import ISSUER
from tests.worlds.press import FONTS, PROGRAMME, badge

_EVERY = 12  # puts between two kills
_FASTER = 20.0  # than the real clock: pauses between attempts
_BEGAN = datetime.now(UTC)


def now() -> datetime:
    return _BEGAN + (datetime.now(UTC) - _BEGAN) * _FASTER


@dataclass
class FolderObjects:
    """Object storage in a folder. `puts` beside it has a line for each put: the process, and the key."""

    folder: Path
    poison: str

    def get(self, key: str) -> bytes:
        if key == object_keys.credential(self.poison):
            os.kill(os.getpid(), SIGKILL)
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(key) from error

    def put(self, key: str, body: bytes, content_type: str) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(f".{os.getpid()}").write_bytes(body)
        path.with_suffix(f".{os.getpid()}").replace(path)
        with (self.folder / "puts").open("a") as puts:
            puts.write(f"{os.getpid()} {key}\n")
        if len((self.folder / "puts").read_text().splitlines()) % _EVERY == 0:
            with (self.folder / "killed").open("a") as killed:
                killed.write(f"{os.getpid()}\n")
            os.kill(os.getpid(), SIGKILL)


def main(url: str, folder: str, poison: str) -> None:
    objects = FolderObjects(Path(folder), poison)
    press = Press(PROGRAMME, FONTS)
    pictures = Pictures({(id, "2026"): badge(id) for id in PROGRAMME.qualifications})
    renderers = Renderers(
        2, lambda: WorkerMeans(objects, press, ISSUER.public_url, now, None, pictures), ISSUER.public_url
    )
    store = Store(url, "renderer", RendererTransaction, now)
    # Rendering gets and puts; only scrub and erasure, which this process doesn't run, do more.
    listed = cast(ErasableObjects, objects)
    ports = Ports(store, listed, press, ISSUER.public_url, now, pictures, renderers=renderers)
    (nursery,) = psutil.Process().children()
    while _is_due(store):
        if not render(ports):
            time.sleep(0.02)
    nursery.kill()
    nursery.wait()
    with store.transaction() as tx:
        tx.cursor.execute("update renderings set state = 'pending', next_try_at = %s", (now() - timedelta(days=1),))
    while True:
        render(ports)


def _is_due(store: Store) -> bool:
    with store.transaction() as tx:
        return bool(tx.fetch_value("select exists (select from renderings where state = 'pending')"))


if __name__ == "__main__":
    main(*sys.argv[1:])
