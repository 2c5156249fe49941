"""A visitor in a real browser, led step by step: `tests/browser/walk.mjs`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).parents[1] / "browser" / "walk.mjs"


class Walk:
    """One browser at a time; `open` begins with a new one, without cookies."""

    def __init__(self, process: subprocess.Popen[str], site: str) -> None:
        self._process = process
        self._site = site
        self.screens = 0  # pages that were loaded since `open`

    def open(self, *, width: int = 390, lang: str = "ja-JP", letters: float = 1, **has: bool) -> None:
        """`letters`: so many times as large as usual.

        `has`: passkeys and forced colours (by default not), and javascript (by default).
        """
        self.screens = 0
        self._do("open", width=width, lang=lang, letters=letters, **has)

    def goto(self, path: str) -> str:
        """The path of the page that opened."""
        self.screens += 1
        return self._path(self._do("goto", url=self._site + path))

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self._do("fill", name=name, value=value)

    def click(self, text: str) -> str:
        """Press the button or link with this text; the path of the page that follows."""
        self.screens += 1
        return self._path(self._do("click", text=text))

    def click_twice(self, text: str) -> str:
        """Press the button with this text twice in quick succession; the path of the page that follows."""
        self.screens += 1
        return self._path(self._do("click_twice", text=text))

    def is_on_screen(self, text: str) -> bool:
        """Whether the whole button with this text, or this answer of one, can be seen without scrolling."""
        return bool(self._do("is_on_screen", text=text)["is"])

    def style(self, selector: str, name: str, part: str = "") -> str:
        """The computed style of the first such element, or of its `part` ("::before")."""
        return str(self._do("style", selector=selector, name=name, part=part)["value"])

    def print(self) -> None:
        """Show the page as on paper."""
        self._do("print")

    def forget(self) -> None:
        """Lose all cookies, as when a session has ended."""
        self._do("forget")

    def open_choice(self, text: str) -> None:
        """Unfold what is behind these words, on the same page."""
        self._do("open_choice", text=text)

    def press(self, text: str) -> dict[str, str]:
        """Press the button with this text, which opens no page; the type of each field by its name."""
        return dict(self._do("press", text=text)["fields"])

    def download(self, text: str) -> str:
        """Press the button with this text; the name of the file that comes."""
        return str(self._do("download", text=text)["file"])

    def see(self) -> dict[str, Any]:
        """What is on the page; it is accessible, fits the screen, breaks no word, and its scripts had no error."""
        seen = self._do("see")
        faults = {
            name: seen[name] for name in ("violations", "overflow", "broken", "small", "torn", "console") if seen[name]
        }
        assert not faults, f"{seen['url']}: {faults}"
        return seen

    def picture(self, file: Path) -> None:
        self._do("picture", file=str(file))

    def _path(self, answer: dict[str, Any]) -> str:
        return str(answer["url"]).removeprefix(self._site)

    def _do(self, what: str, /, **step: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **step}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer


@contextmanager
def walking(site: str) -> Iterator[Walk]:
    """A browser for the pages of `site`."""
    with subprocess.Popen(["node", str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Walk(process, site)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)
