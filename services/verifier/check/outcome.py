"""The three outcomes of a check, and the findings that explain some of them; pure."""

from __future__ import annotations

from typing import Literal

CheckOutcome = Literal["ok", "failed", "unknown"]

Finding = Literal["", "revoked", "expired", "early", "pending", "empty"]
"""Why a check failed or is unknown, when the reason is a state of a genuine credential; `empty`: there is none."""
