"""The counters of the mailer."""

from __future__ import annotations

from shared.runtime.metrics import counter

MESSAGES = counter("letters", "Messages that came to a state", ("letter", "state"))
CORRECTIONS = counter("corrections_told", "Badges that correct another, by the letter that tells of it", ("letter",))
NOT_QUEUED = counter("letters_not_queued", "Orders to send a letter again that were not followed", ("reason",))
