"""What the renderer counts."""

from __future__ import annotations

from shared.runtime.metrics import counter, gauge

SHEETS = counter("renderer_sheets", "Print sheets drawn and stored")
RENDERED = counter("certificates_rendered", "Assertions whose two PDFs were put into object storage")
NOT_RENDERED = counter("certificates_not_rendered", "Attempts to render that failed, by cause", ("cause",))
SKIPPED = counter("certificates_skipped", "Assertions that get no PDFs, by reason", ("reason",))
ERASED = counter("certificates_erased", "Assertions of people who were erased: no PDFs are drawn, or kept")
NOT_DONE = gauge(
    "certificates_not_done",
    "Anchored assertions without PDFs: pending, or failed until fonts, programme or credential are corrected",
    ("state",),
)
