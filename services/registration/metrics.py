"""The counters of registration."""

from __future__ import annotations

from shared.runtime.metrics import counter

RECORDS = counter("registration_records", "Upstream records accepted, by outcome", ("outcome",))
REJECTED = counter("registration_rows_rejected", "Invalid fields of rows", ("field",))
NOT_APPLIED = counter("registration_changes_not_applied", "Changes by upstream after the issue", ("field",))
JUDGED = counter("registration_judged", "Registrations judged: released, unchanged, or why held", ("outcome",))
ORDERS = counter("registration_decisions", "Decisions of the office: done, or why not", ("outcome",))
SIGN_INS = counter(
    "registration_sign_ins", "Sign-ins at the address screen: signed-in, wrong, asked, blocked", ("outcome",)
)
CONFIRMATIONS = counter("registration_confirmations", "Addresses: requested, limit, confirmed, taken", ("outcome",))
RECOVERIES = counter("registration_recoveries", "Lost mailboxes: begun, moved, stopped, address-taken", ("outcome",))
ENQUIRIES = counter("registration_enquiries", "Enquiries: sent, limit, incomplete", ("outcome",))
