"""What anchor says of the chains at /metrics: money, roots on their way, finality, endpoints, ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_UP = "akashi_anchor_chain_up"
_BALANCE = "akashi_anchor_balance_ether"
_PAYS_FOR = "akashi_anchor_balance_pays_for"
_LOW = "akashi_anchor_balance_low"
_ANCHORINGS = "akashi_anchor_anchorings"
_LAG = "akashi_anchor_finality_lag_seconds"
_SOUND = "akashi_anchor_endpoints_sound"
_ENDPOINTS = "akashi_anchor_endpoints"
_ENDS_IN = "akashi_anchor_network_ends_in_days"
_OUTLIVING = "akashi_anchor_badges_outliving"
CHAIN_SAMPLES = (_UP, _BALANCE, _PAYS_FOR, _LOW, _ANCHORINGS, _LAG, _SOUND, _ENDPOINTS, _ENDS_IN, _OUTLIVING)
"""All that `networks_in` reads of a /metrics page."""

_ON_THEIR_WAY = ("signed", "sent", "mined")


class NetworkFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One network. Of what is None nothing is known now, or ever: most networks have no announced end.

    `endpoints_out`: that do not answer, or disagree with the others. `outliving`: badges that stand on no network
    that lasts as long as they are valid.
    """

    up: bool
    balance_ether: float | None = None
    pays_for: int | None = None
    low: bool = False
    pending: int = 0  # transactions on their way
    final: int = 0  # batches
    finality_lag_seconds: int | None = None
    endpoints: int = 0
    endpoints_out: int = 0
    ends_in_days: int | None = None
    outliving: int = 0


def networks_in(labelled: Mapping[str, Mapping[str, float]]) -> dict[str, NetworkFigures]:
    """By network, from the samples with labels: name → joined labels → value."""

    def of(name: str, network: str) -> float | None:
        return labelled.get(name, {}).get(network)

    def whole(name: str, network: str) -> int | None:
        found = of(name, network)
        return None if found is None else int(found)

    states = labelled.get(_ANCHORINGS, {})
    found = {}
    for network, up in sorted(labelled.get(_UP, {}).items()):
        endpoints = whole(_ENDPOINTS, network) or 0
        found[network] = NetworkFigures(
            up=bool(up),
            balance_ether=of(_BALANCE, network),
            pays_for=whole(_PAYS_FOR, network),
            low=bool(of(_LOW, network)),
            pending=sum(int(states.get(f"{network}/{state}", 0)) for state in _ON_THEIR_WAY),
            final=int(states.get(f"{network}/final", 0)),
            finality_lag_seconds=whole(_LAG, network),
            endpoints=endpoints,
            endpoints_out=max(0, endpoints - (whole(_SOUND, network) or 0)),
            ends_in_days=whole(_ENDS_IN, network),
            outliving=whole(_OUTLIVING, network) or 0,
        )
    return found
