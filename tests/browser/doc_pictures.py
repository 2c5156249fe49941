"""Draws pictures of docs: mail.md, address-screen.md, operations.md: `python -m tests.browser.doc_pictures`.

In real Chromium, at the size of a phone, from today's letters and pages; written to docs/pictures. Run it when they
have changed. Those of office.md: AKASHI_PICTURES of tests/browser/test_office_pages.py.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from services.mailer.domain.letters import LetterWriter
from services.mailer.domain.samples import sample_messages
from tests.worlds import cohorts
from tests.worlds.cohorts import NOON, cycle, held
from tests.worlds.desk import BORN, DeskWorld, ask_for, desk_at, sign_in
from tests.worlds.ops import ops_store, tell_all
from tests.worlds.ops_site import Office, office_of
from tests.worlds.registration import PROGRAMME, record, registration_database

SCREENS = Path(__file__).with_name("screens.mjs")
PICTURES = Path("docs/pictures")
LETTERS = ("award", "completion", "revocation")
LETTER_WIDTH, SCREEN_WIDTH, SCREEN_HEIGHT = 299, 320, 1150
BOARD_WIDTH, BOARD_HEIGHT, BOARD_GAP = 400, 1500, 20


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        _letters(Path(made))
    with registration_database() as url, desk_at(url) as desk:
        _screens(desk)
    with ops_store(lambda: NOON) as store, office_of(store) as office:
        _board(office)


def _letters(folder: Path) -> None:
    """Side by side, each at its own length."""
    writer = LetterWriter(PROGRAMME, "https://wallet.example.jp", "https://example.jp", b"no secret, no link")
    messages = dict(sample_messages(PROGRAMME))
    pages = []
    for letter in LETTERS:
        file = folder / f"{letter}.html"
        file.write_text(writer.compose(messages[letter]).html, encoding="utf-8")
        pages.append(_scaled(_taken(f"file://{file}"), LETTER_WIDTH))
    sheet = Image.new("RGB", (LETTER_WIDTH * len(pages), max(page.height for page in pages)), "white")
    for number, page in enumerate(pages):
        sheet.paste(page, (number * LETTER_WIDTH, 0))
    _save(sheet, "letters")


def _screens(desk: DeskWorld) -> None:
    desk.registration.deliver(record(1, contact_email="tantou@company.example.jp"))
    with desk.browser() as browser:
        typed = ["--fill", "number=25-1", "--fill", f"birth_date={BORN}"]
        _screen(f"{desk.url}/desks/gishi", "desk-sign-in", typed)
        sign_in(browser, 1)
        cookie = ["--cookie", f"desk={browser.cookies['desk']}"]
        _screen(f"{desk.url}/desks/gishi/address", "desk-address", cookie)
        entered = [*cookie, "--fill", "email=taro@home.example.jp", "--click", "内容を確かめる"]
        _screen(f"{desk.url}/desks/gishi/address", "desk-echo", entered)
        ask_for(browser, "taro@home.example.jp")
        browser.post(desk.link())
        _screen(desk.url + desk.link(), "desk-confirmed", [])


def _board(office: Office) -> None:
    """Its beginning in two columns, of a cohort on its way."""
    stages = (320, 12, 40, 6, 8, 3)  # people who have come so far, from the last stage backwards
    people = [number for number, count in enumerate(stages) for _ in range(count)]
    begun = [cycle(number)[: 8 - missing] for number, missing in enumerate(people)]
    tell_all(office.ports, [event for events in begun for event in events])
    held_for = ("shared-address", "shared-address", "missing-address")
    tell_all(office.ports, [held(1000 + number, reason) for number, reason in enumerate(held_for)])
    bounced = cohorts.letter(len(people) - 1, "award", "bounced", 2, answer="550 5.1.1 no such user")
    tell_all(office.ports, [*cycle(len(people) - 1)[:2], bounced])
    cookie = f"office={office.browser.cookies['office']}"
    page = _scaled(_taken(f"{office.browser.base_url}", ["--cookie", cookie]), BOARD_WIDTH)
    sheet = Image.new("RGB", (2 * BOARD_WIDTH + BOARD_GAP, BOARD_HEIGHT), "#c8c8c8")
    for column in range(2):
        part = page.crop((0, column * BOARD_HEIGHT, BOARD_WIDTH, (column + 1) * BOARD_HEIGHT))
        sheet.paste(part, (column * (BOARD_WIDTH + BOARD_GAP), 0))
    _save(sheet, "board", 160)


def _screen(url: str, name: str, options: Sequence[str]) -> None:
    """The upper part of the page."""
    page = _scaled(_taken(url, options), SCREEN_WIDTH)
    _save(page.crop((0, 0, page.width, min(page.height, SCREEN_HEIGHT))), name)


def _taken(url: str, options: Sequence[str] = ()) -> Image.Image:
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        words = ["node", str(SCREENS), "--lang", "ja-JP", *options, f"{url}={file.name}"]
        seen = subprocess.run(words, capture_output=True, text=True, timeout=300)
        assert seen.returncode in (0, 1), seen.stdout + seen.stderr  # a letter's HTML is not one of our pages
        return Image.open(file.name).convert("RGB")


def _scaled(page: Image.Image, width: int) -> Image.Image:
    return page.resize((width, round(page.height * width / page.width)), Image.Resampling.LANCZOS)


def _save(picture: Image.Image, name: str, colours: int = 64) -> None:
    file = PICTURES / f"{name}.png"
    picture.quantize(colours).save(file, optimize=True)
    print(file, picture.size, file.stat().st_size)


if __name__ == "__main__":
    main()
