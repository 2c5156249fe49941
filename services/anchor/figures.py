"""What anchor counts and shows at /metrics."""

from __future__ import annotations

from shared.runtime.metrics import counter, gauge

WAITING = gauge("anchor_waiting_leaves", "Leaves that wait for a batch")
BATCHES = gauge("anchor_batches", "Batches by state", ("state",))
BASE_FEE = gauge("anchor_base_fee_gwei", "Base fee of the newest block, in gwei per gas")
BALANCE = gauge("anchor_balance_ether", "What the chain account holds for gas, in ether")
CHAIN_UP = gauge("anchor_chain_up", "1 while the node answers and is on our chain")

EXCLUDED = counter("anchor_leaves_excluded", "Leaves kept out of all batches", ("reason",))
SIGNED = counter("anchor_transactions_signed", "Transactions signed, by why", ("why",))
NOT_DONE = counter("anchor_not_done", "Steps of a batch that were put off, by reason", ("reason",))
FINAL = counter("anchor_batches_final", "Batches that became final")
REORGED = counter("anchor_reorgs", "Batches whose block left the chain")
PROVED = counter("anchor_leaves_proved", "Credentials that got their proof")
