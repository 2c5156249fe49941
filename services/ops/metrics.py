"""What Prometheus can ask ops: gauges of the latest cohort, the lag of the services, orders of the office."""

from __future__ import annotations

from shared.runtime.metrics import counter, gauge

PEOPLE = gauge("people", "People who have reached a stage", ("cohort", "stage"))
HELD = gauge("people_held", "People held, by reason", ("cohort", "reason"))
DEAD_LETTERS = gauge("dead_letters_open", "Dead letters that nobody has decided yet")
RESTORES = gauge("restores_unseen", "Restored databases that nobody has acknowledged yet: akashi restores")
LAG = gauge("lag_messages", "Messages that a service has still to read", ("service",))
ORDERED = counter("ops_orders", "Orders of the office: announced, or why not", ("decision", "outcome"))
ASKED = counter("registration_asked", "Questions to registration about people, by result", ("result",))
