"""Mail server of the local stack: MailDev, which shows every letter in a browser and keeps it as a file."""

from __future__ import annotations

import shutil

from deploy.local.environment import REPOSITORY, Place


def command(place: Place) -> list[str]:
    script = REPOSITORY / "node_modules" / "maildev" / "dist" / "bin" / "maildev.js"
    smtp = ["--smtp", str(place.port("smtp")), "--ip", "127.0.0.1"]
    web = ["--web", str(place.port("inbox")), "--web-ip", "127.0.0.1"]
    return [shutil.which("node") or "node", str(script), *smtp, *web, "--mail-directory", str(place.inbox)]


def prepare(place: Place) -> None:
    place.inbox.mkdir(parents=True, exist_ok=True)
