"""What the renderer counts."""

from __future__ import annotations

from shared.runtime.metrics import counter, gauge

RENDERED = counter("certificates_rendered", "Assertions whose two PDFs were put into object storage")
NOT_RENDERED = counter("certificates_not_rendered", "Attempts to render that came to nothing, by cause", ("cause",))
FAILED = gauge("certificates_failed", "Assertions that can't be rendered until somebody mends what is wrong with them")
PENDING = gauge("certificates_pending", "Anchored assertions whose PDFs are not there yet")
