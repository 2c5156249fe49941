"""What the verifier works with; `__main__.py` makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.verifier.sources.chains import AnchorSource
from services.verifier.sources.issuer_site import IssuerSite
from services.verifier.store import Store
from shared.clock import Clock
from shared.programme import PublicPage

Fetch = Callable[[str], bytes]
"""The body at a URL. Refused, NotFound, TryLater; see `sources/fetch.py`."""


@dataclass(frozen=True)
class Ports:
    """`site` holds the issuer's documents: in the service, object storage. `fetch` reads URLs of others."""

    store: Store
    site: IssuerSite
    chain: AnchorSource
    public_url: str
    now: Clock
    fetch: Fetch
    page: PublicPage
