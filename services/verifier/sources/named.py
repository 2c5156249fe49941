"""Which badge a text names that somebody typed or pasted into the form's field or the API's parameter; pure.

A badge of ours is shown by its id, without the network; a URL of others is fetched; what names neither is told so.
"""

from __future__ import annotations

import re

from services.verifier.sources.public_address import MAX_CHARACTERS, Refused
from shared.copied_text import assertion_id_in, url_in, visible

_HOST = re.compile(r"\s*(?:[\w-]+(?:\.[\w-]+)+(?::[0-9]+)?|[\w-]+:[0-9]+)(?=/)", re.ASCII)
_OTHER = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|//)", re.ASCII | re.IGNORECASE)
"""The beginning of a URL of another scheme, or of none."""


class Misspelt(Refused):
    """No number of a certificate, and no URL of another site."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "form")


def named_badge(text: str, public_url: str) -> str | None:
    """The assertion id that the text names; None when it names a URL of others, which `url_in` finds.

    Refused for a text that is too long; Misspelt for the address of one of our pages without a whole id, and for any
    other text.
    """
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"got {len(text)} characters, expected at most {MAX_CHARACTERS}", "form")
    url = url_in(text)
    if url is not None and not _is_ours(url, public_url):
        return None
    if url is None and _names_other_host(visible(text), public_url):
        return None
    found = assertion_id_in(text)
    if found is not None:
        return found
    if url is not None and not re.match(r"/v(?:/|\Z)", url[len(public_url) :], re.IGNORECASE):
        return None  # another document of ours
    if _OTHER.match(text):
        return None  # no URL that may be fetched
    raise Misspelt("got no number of a certificate, expected 26 letters and digits (A to Z, 2 to 7) or a URL")


def _is_ours(url: str, public_url: str) -> bool:
    lower, ours = url.lower(), public_url.lower()
    return lower == ours or lower.startswith(f"{ours}/")


def _names_other_host(text: str, public_url: str) -> bool:
    found = _HOST.match(text)
    return found is not None and not _is_ours(found[0].strip(), public_url.partition("://")[2])
