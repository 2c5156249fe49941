"""Pages for people: templates, look, language, headers, error pages. Used by registration, wallet, verifier, ops.

In a service's app.py: `site = pages(Path(__file__).parent / "templates", programme)`, `site.install(app)`, and in a
route `return site.page(request, "badge.html", badge=badge)`. Templates extend `base.html` and take from `macros.html`
(`{% import "macros.html" as m %}`); classes are listed on top of `app.css`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.runtime.web.guard import harden, is_cross_site
    from shared.runtime.web.language import Language, language_of
    from shared.runtime.web.site import Pages, pages

__all__ = ["Language", "Pages", "harden", "is_cross_site", "language_of", "pages"]

_HOMES = {"guard": ("harden", "is_cross_site"), "language": ("Language", "language_of"), "site": ("Pages", "pages")}


def __getattr__(name: str) -> Any:
    """Loaded when asked for: a service without pages needs only the server of its metrics, and saves 0.3 s of CPU."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
