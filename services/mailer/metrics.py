"""The counters of the mailer."""

from __future__ import annotations

from shared.runtime.metrics import counter, gauge

MESSAGES = counter("letters", "Messages that came to a state", ("letter", "state"))
CORRECTIONS = counter("corrections_told", "Badges that correct another, by the letter that tells of it", ("letter",))
SERVER_AWAY = gauge("mail_server_away", "1 while the mail server does not answer and is only tried now and then")
REPORTS = counter("mail_reports", "Mails that came to the return paths, by what they were", ("kind",))
NOT_QUEUED = counter("letters_not_queued", "Letters ordered again, or asked for, that were not queued", ("reason",))
