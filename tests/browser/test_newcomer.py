"""A newcomer comes from letter 1 to the saved certificate on a phone; docs/wallet.md tells how many steps it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.worlds.browser_walk import Walk, walking
from tests.worlds.keystrokes import Steps
from tests.worlds.wallet import running_wallet, wallet_database

ADDRESS = "ichiro.takahashi@example.jp"
PASSWORD = "yaki-imo 43 enpitsu"
DOC = Path("docs/wallet.md")


@dataclass
class Newcomer:
    """Does by hand what no browser fills in: it has no password manager."""

    walk: Walk
    steps: Steps = field(default_factory=Steps)

    def follow_letter(self, path: str) -> str:
        """Press the button of a letter."""
        self.steps.taps += 1
        return self._arrive(self.walk.goto(path))

    def write(self, **fields: str) -> None:
        for text in fields.values():
            self.steps.taps += 1
            self.steps.fields += 1
            self.steps.keys += len(text)
        self.walk.fill(**fields)

    def press(self, text: str) -> str:
        self.steps.taps += 1
        return self._arrive(self.walk.click(text))

    def unfold(self, text: str) -> None:
        self.steps.taps += 1
        self.walk.open_choice(text)

    def save(self, text: str) -> str:
        self.steps.taps += 1
        return self.walk.download(text)

    def _arrive(self, path: str) -> str:
        self.steps.screens += 1
        self.steps.characters += len(re.sub(r"\s", "", self.walk.see()["text"]))
        return path


def row(name: str, steps: Steps) -> str:
    """A line of the document's table."""
    usual, worst = (steps.seconds(typist) for typist in ("complex codes", "worst, unfamiliar with a keyboard"))
    counts = f"{steps.screens} | {steps.fields} | {steps.taps} | {steps.keys}"
    return f"| {name} | {counts} | {usual:.0f} s | {worst:.0f} s |"


def test_a_newcomer_comes_from_letter_1_to_the_certificate_in_as_many_steps_as_the_document_says() -> None:
    with wallet_database() as database, running_wallet(database) as wallet, walking(wallet.url) as walk:
        badge = wallet.issue(ADDRESS).assertion_id
        walk.open()
        received = Newcomer(walk)
        received.follow_letter(wallet.link(badge))
        received.write(password=PASSWORD)
        assert received.press("アカウントを作って") == f"/badges/{badge}?received=1"

        wallet.finish(badge)
        wallet.clock.now += timedelta(hours=20)  # the session has ended meanwhile
        saved = Newcomer(walk)
        assert saved.follow_letter(wallet.link(badge)) == wallet.link(badge)
        saved.write(password=PASSWORD)
        assert saved.press("ログイン") == f"/badges/{badge}"
        saved.unfold("PDF")
        assert saved.save("ダウンロード") == "登録証_コンクリート技士_2026.pdf"

    parts = {"letter 1 to the received badge": received.steps, "letter 2 to the saved 証書": saved.steps}
    text = DOC.read_text(encoding="utf-8")
    for name, steps in parts.items():
        print(name, steps, f"{steps.seconds_to_read_all:.0f} s to read all")
        assert row(name, steps) in text
