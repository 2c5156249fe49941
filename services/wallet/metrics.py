"""What the wallet counts."""

from __future__ import annotations

from shared.runtime.metrics import counter

RECEIVED = counter("wallet_received", "Badges received by their holders")
CARRIED_OVER = counter(
    "wallet_carried_over", "Corrected badges given to the account that had received the version before"
)
PAPER_ORDERED = counter("wallet_paper_ordered", "Orders of paper")
PAPER_TAKEN = counter(
    "wallet_paper_steps",
    "Items of orders of paper for which the office took a step, by step and outcome",
    ("step", "outcome"),
)
REFUSED = counter("wallet_refused", "Requests of people that were refused, by reason", ("reason",))
RECOVERIES = counter("wallet_recoveries", "Accounts of holders who lost the mailbox: moved, no-account", ("result",))
LETTERS = counter(
    "wallet_letters", "Letters asked for, and whether there was anybody to send them to", ("letter", "result")
)
