"""The verifier's own metrics."""

from __future__ import annotations

from shared.runtime.metrics import counter

VERDICTS = counter("verdicts", "Badges that were checked, by verdict", ("verdict",))
SOURCES_AWAY = counter("verifier_sources_away", "Checks that a source did not answer, by number", ("check",))
COPIES_USED = counter("verifier_copies_used", "Copies that stood in for a source that was away")
LIMITED = counter("verifier_limited", "Requests refused because their client sent too many, by limit", ("limit",))
