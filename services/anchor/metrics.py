"""What anchor counts and shows at /metrics."""

from __future__ import annotations

from shared.runtime.metrics import counter, gauge

WAITING = gauge("anchor_waiting_leaves", "Leaves that wait for a batch")
WAITING_SECONDS = gauge("anchor_waiting_seconds", "For how long the oldest leaf has waited for a batch")
ANCHORINGS = gauge("anchor_anchorings", "Anchorings, by network and state", ("network", "state"))
BASE_FEE = gauge("anchor_base_fee_gwei", "Base fee of the newest block, in gwei per gas", ("network",))
BALANCE = gauge("anchor_balance_ether", "Balance of the chain account, in ether", ("network",))
PAYS_FOR = gauge(
    "anchor_balance_pays_for", "Number of roots that the balance pays for at the highest fee", ("network",)
)
LOW = gauge("anchor_balance_low", "1 while the balance is below the alarm", ("network",))
CHAIN_UP = gauge("anchor_chain_up", "1 while the network's endpoints answer and agree", ("network",))
SOUND = gauge("anchor_endpoints_sound", "RPC endpoints that are not left out", ("network",))
ENDPOINTS = gauge("anchor_endpoints", "RPC endpoints of the network", ("network",))
FINALITY_LAG = gauge(
    "anchor_finality_lag_seconds", "How far the newest final block is behind the newest block", ("network",)
)
FINALIZED = gauge("anchor_finalized_block", "Number of the newest final block", ("network",))
ENDS_IN = gauge("anchor_network_ends_in_days", "Days until the network's announced end", ("network",))
WARNINGS = gauge("anchor_warnings", "What `akashi anchor status` says needs attention")
UNPROVED = gauge("anchor_credentials_at_fault", "Credentials that can't take their proof: not there, or broken")
OUTLIVING = gauge("anchor_badges_outliving", "Badges that outlive all networks they are anchored on", ("network",))

EXCLUDED = counter("anchor_leaves_excluded", "Leaves kept out of all batches", ("reason",))
SIGNED = counter("anchor_transactions_signed", "Transactions signed, by reason", ("why",))
NOT_DONE = counter("anchor_not_done", "Steps that were postponed, by reason", ("reason",))
FINAL = counter("anchor_batches_final", "Anchorings that became final")
REORGED = counter("anchor_reorgs", "Anchorings whose block left the chain", ("when",))
ADOPTED = counter("anchor_roots_adopted", "Roots that the contract knew before we sent them", ("network",))
PROVED = counter("anchor_leaves_proved", "Credentials that got their proof")
