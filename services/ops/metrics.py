"""What Prometheus can ask ops about the latest cohort."""

from __future__ import annotations

from shared.runtime.metrics import gauge

PEOPLE = gauge("people", "People who have reached a stage", ("cohort", "stage"))
HELD = gauge("people_held", "People held, by reason", ("cohort", "reason"))
DEAD_LETTERS = gauge("dead_letters_open", "Dead letters that nobody has decided yet")
LAG = gauge("lag_messages", "Messages that a service has still to read", ("service",))
