"""How long a loop waits before its next round: not at all when it was idle, longer the more its rounds cost.

Used by the consume loop, the relay and the ticks. A single row costs ten times what it costs among hundreds (a
transaction, a fetch and a produce of its own), so under load the next ones gather while the loop waits.
"""

from __future__ import annotations

_SHARE = 9.0  # a loop of small rounds works a tenth of the time at most
_LEAST, _MOST = 0.02, 0.5  # seconds


def pause_after(seconds: float) -> float:
    """Seconds to wait after a round that took so long and was not full. A full round is followed by the next at once.

    On an idle machine a round takes milliseconds, and nothing waits behind it; on a busy one it takes longer by itself.
    """
    return min(max(seconds * _SHARE, _LEAST), _MOST)
