"""Characters that a reader does not see, and that change what is seen. Used by the office's orders, pages and commands.

Unicode's categories Cc (a terminal obeys them), Cf (bidirectional overrides, zero width), Cs (lone surrogates), Zl and
Zp (line ends). See Unicode Technical Report 36, 3.1, and CVE-2021-42574.
"""

from __future__ import annotations

import re

FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs by their category, with nothing to be seen."""

_HIDDEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
_ANY = re.compile(f"[{_HIDDEN}]")
_IN_LINES = re.compile(f"(?!\n)[{_HIDDEN}]")

# Spreadsheets take a cell that begins so for a formula; the wide forms too, in Japanese. Source: OWASP, CSV Injection.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")

# What Excel changes when it opens a CSV: zeros in front, more digits than it keeps, days, times, exponents.
ALTERED = re.compile(
    r"0[0-9]+|[0-9]{12,}|[0-9]{1,4}([-/])[0-9]{1,4}(\1[0-9]{1,4})?|[0-9]+:[0-9:]+|[0-9.]+[eE][-+]?[0-9]+|\([0-9]+\)"
    r"|(?:TRUE|FALSE|true|false)|[0-9]*\.[0-9]*|[0-9]{1,3}(?:,[0-9]{3})+|(?i:[0-9]{1,2}-?(?:jan|feb|mar|apr|may|jun|jul"
    r"|aug|sep|oct|nov|dec)[a-z]*-?[0-9]*)"
)
ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def hidden_in(text: str) -> str | None:
    """The first such character as U+202E, or None."""
    found = _ANY.search(text)
    return None if found is None else f"U+{ord(found.group()):04X}"


def shown(text: str) -> str:
    r"""The text with each such character written out, as \x1b or \u202e; the ends of its lines stay. Idempotent."""
    return text if text.isprintable() else _IN_LINES.sub(_written, text)  # what is hidden has no printable category


def cell(text: str) -> str:
    """The text as one cell of tab-separated or comma-separated output: one line, and no formula.

    A lone "-" stays: it stands for "none".
    """
    line = _ANY.sub(_written, text)
    return f"'{line}" if text.startswith(FORMULA) and text != "-" else line


def spreadsheet_cell(text: str) -> str:
    """As `cell`, of a CSV: an apostrophe in front also of what Excel would take for another number, a day or a time.

    A day (2026-04-01) stays: it is shown in another form, and is the same.
    """
    is_altered = ALTERED.fullmatch(text) is not None and not ISO_DAY.fullmatch(text)
    return f"'{text}" if is_altered else cell(text)


def in_json(text: str) -> str:
    r"""JSON with each such character in its texts as \u202e. The lines between its values stay."""
    return _IN_LINES.sub(_in_utf_16, text)


def _written(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")


def _in_utf_16(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
