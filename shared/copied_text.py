"""Ids, paths and URLs as people and programs copy them out of a text: with what stood around them. Pure.

Programs take punctuation behind a link for a part of it (`…/V/<id>。`), add characters without a shape (zero-width
spaces, soft hyphens), break lines, quote, encode twice; people type full-width or small letters. Used by verifier
(pages, form, API, command) and wallet (letter 1's link), and for every path that no route knows.

Sources: Unicode 16, Default_Ignorable_Code_Point (DerivedCoreProperties.txt); RFC 3986, 2.3 (unreserved characters).
"""

from __future__ import annotations

import re
from unicodedata import category, normalize
from urllib.parse import unquote

_ENCODED_AT_MOST = 3  # times
# Without a shape, though their category isn't Cf or Cc: joiners, fillers, variation selectors.
_SHAPELESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_ID = r"([A-Za-z2-7]{26})(?![A-Za-z0-9])"
_NAMED_ID = re.compile(rf"/(?:[Vv]|credentials|assertions|badges|receive)/[^A-Za-z0-9]*{_ID}")
_BARE_ID = re.compile(rf"(?<![A-Za-z0-9]){_ID}")
_BREAK = re.compile(r"[-\u2010=]?[\r\n]+[\s>|]*|\s+")  # where mail and typesetting break a line, and quote it
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
_AT_ENDS = "._~-"
_TOKEN = 26  # characters of our ids and tokens
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_NOT_IN_URLS = re.compile(r"[\"<>`{}|^「」『』【】〈〉《》（）〔〕［］“”‘’、。，．！？；：…‥　]")
_BEHIND_URLS = ".,;:!?'*"
_BRACKETS = {")": "(", "]": "["}


def visible(text: str) -> str:
    """The text without characters that have no shape; white space stays. Full-width letters become plain (NFKC)."""
    return _shaped(normalize("NFKC", _shaped(text)))


def assertion_id_in(text: str) -> str | None:
    """The one assertion id that a text names, in capitals; None when there is none, or more than one.

    Where it is in a path of ours, only that counts: letter 1's link holds a token of the same form.
    """
    plain = visible(_decoded(text))
    for each in (plain, _BREAK.sub("", plain)):
        for pattern in (_NAMED_ID, _BARE_ID):
            found = {id.upper() for id in pattern.findall(each)}
            if found:
                return found.pop() if len(found) == 1 else None
    return None


def plain_path(path: str) -> str | None:
    """The path that was meant: each part without what stands before and behind its plain characters.

    None when letters of another script are a part of it: an id of upstream, perhaps, which means something else without
    them. Behind an id or token of ours they are the sentence that goes on.

    It begins with one slash, so it can't lead to another host, and is its own plain path.
    """
    parts = [_plain(part) for part in path.split("/")]
    return None if None in parts else "/" + "/".join(part for part in parts if part)


def _plain(part: str) -> str | None:
    text = visible(_decoded(part))
    found = _PLAIN.search(text)
    if found is None:
        return None if any(map(str.isalnum, text)) else ""
    before, behind = text[: found.start()], text[found.end() :]
    goes_on = behind[:1].isalnum() and len(found[0]) < _TOKEN
    return None if goes_on or any(map(str.isalnum, before)) else found[0].rstrip(_AT_ENDS)


def url_in(text: str) -> str | None:
    """The first URL with a scheme in a text, without what stands around it; None when there is none."""
    shaped = _shaped(text)
    found = _URL.search(shaped) or _URL.search(visible(_decoded(text)))
    if found is None:
        return None
    url = _NOT_IN_URLS.split(found[0])[0]
    while url[-1] in _BEHIND_URLS or (url[-1] in _BRACKETS and url.count(url[-1]) > url.count(_BRACKETS[url[-1]])):
        url = url[:-1]
    return url


def _decoded(text: str) -> str:
    for _ in range(_ENCODED_AT_MOST):
        before, text = text, unquote(text)
        if before == text:
            break
    return text


def _shaped(text: str) -> str:
    kept = (each for each in _SHAPELESS.sub("", text) if each.isspace() or category(each) not in ("Cc", "Cf"))
    return "".join(kept)
