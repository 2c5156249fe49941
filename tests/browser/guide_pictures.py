"""Draws the pictures of the wallet's guide from its own pages: `python -m tests.browser.guide_pictures`.

In real Chromium, at the size of a phone; written to services/wallet/static as WebP. Run it when the pages have
changed.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from services.issuer.art.badge_art import badge_png
from services.mailer.domain.letters import LetterWriter
from services.mailer.domain.samples import sample_messages
from tests.worlds.wallet import PROGRAMME, Wallet, join, running_wallet, wallet_database

SCREENS = Path(__file__).with_name("screens.mjs")
STATIC = Path("services/wallet/static")
WIDTH, HEIGHT, SCALE = 390, 640, 1.5
LANGUAGES = (("ja", "ja-JP"), ("en", "en-US"))


def main() -> None:
    with wallet_database() as database, running_wallet(database) as wallet, tempfile.TemporaryDirectory() as made:
        art = badge_png("gishi", "2026", PROGRAMME, Path("node_modules/@expo-google-fonts"))
        wallet.objects.kept["badges/gishi/2026.png"] = art
        folder = Path(made)
        for short, lang in LANGUAGES:
            _draw(wallet, folder, short, lang)


def _draw(wallet: Wallet, folder: Path, short: str, lang: str) -> None:
    fresh = wallet.issue(f"kenichi-{short}@example.jp", family_name="鉄筋").assertion_id
    pending, done = (wallet.issue(f"ichiro-{short}@example.jp", family_name="鉄筋").assertion_id for _ in range(2))
    with wallet.browser() as browser:
        join(browser, wallet, done, name="鉄筋 一郎")
        browser.post(wallet.link(pending))
        cookie = f"wallet={browser.cookies['wallet']}"
    wallet.finish(done)
    typed = [
        "--fill",
        "full_name=鉄筋 一郎" if short == "ja" else "full_name=Ichiro Tekkin",
        "--fill",
        "password=........",
    ]
    signed_in = ["--cookie", cookie]
    if short == "ja":
        letter = folder / "letter.html"
        writer = LetterWriter(PROGRAMME, "https://wallet.example.jp", "https://example.jp", b"no secret, no link")
        letter.write_text(writer.compose(dict(sample_messages(PROGRAMME))["award"]).html, encoding="utf-8")
        _take(f"file://{letter}", "letter", short, lang, 0)
    _take(wallet.url + wallet.link(fresh), "receive", short, lang, None, *typed)
    _take(f"{wallet.url}/badges/{pending}", "pending", short, lang, 440, *signed_in)
    _take(f"{wallet.url}/badges/{done}", "badge", short, lang, 150, *signed_in)
    _take(f"{wallet.url}/badges/{done}", "pdf", short, lang, 560, *signed_in, "--click", "PDF")


def _take(url: str, name: str, short: str, lang: str, top: int | None, *options: str) -> None:
    """A part of the page, from `top` on; None: the part above the foot."""
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        words = ["node", str(SCREENS), "--width", str(WIDTH), "--scale", str(SCALE), "--lang", lang, *options]
        seen = subprocess.run([*words, f"{url}={file.name}"], capture_output=True, text=True, timeout=120)
        assert seen.returncode in (0, 1), seen.stdout + seen.stderr  # the letter's HTML is not one of our pages
        page = Image.open(file.name).convert("RGB")
    high = round(HEIGHT * SCALE)
    begin = page.height - high - round(440 * SCALE) if top is None else round(top * SCALE)
    begin = max(0, min(begin, page.height - high))
    part = page.crop((0, begin, page.width, begin + high))
    part.save(STATIC / f"guide-{name}-{short}.webp", quality=50, method=6)
    print(f"guide-{name}-{short}.webp", (STATIC / f"guide-{name}-{short}.webp").stat().st_size)


if __name__ == "__main__":
    main()
