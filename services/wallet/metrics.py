"""What the wallet counts."""

from __future__ import annotations

from shared.runtime.metrics import counter

RECEIVED = counter("wallet_received", "Badges received by their holders")
CARRIED_OVER = counter(
    "wallet_carried_over", "Corrected badges given to the account that had received the version before"
)
REFUSED = counter("wallet_refused", "Requests of people that were refused, by reason", ("reason",))
LETTERS = counter(
    "wallet_letters", "Letters asked for, and whether there was anybody to send them to", ("letter", "result")
)
