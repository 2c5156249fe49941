from __future__ import annotations

import pytest

from services.ops.board.chain import CHAIN_SAMPLES, networks_in
from services.ops.board.health import SAMPLES, health_in, worst_of

Samples = list[tuple[str, dict[str, str], float]]


def page(network: str = "sepolia", **values: float) -> Samples:
    """The samples of one network; `anchorings` as state=…"""
    found: Samples = [("akashi_anchor_chain_up", {"network": network}, values.pop("up", 1.0))]
    for name, value in values.items():
        if name in ("closed", "signed", "sent", "mined", "final"):
            found.append(("akashi_anchor_anchorings", {"network": network, "state": name}, value))
        else:
            found.append((f"akashi_anchor_{name}", {"network": network}, value))
    return found


def test_all_samples_of_the_chain_are_asked_for() -> None:
    assert set(CHAIN_SAMPLES) < set(SAMPLES)


def test_a_network_is_told_with_money_pending_finality_endpoints_and_end() -> None:
    samples = page(
        balance_ether=0.25,
        balance_pays_for=40,
        balance_low=1,
        closed=5,
        signed=1,
        sent=2,
        mined=3,
        final=9,
        finality_lag_seconds=790,
        endpoints=3,
        endpoints_sound=1,
        network_ends_in_days=30,
        badges_outliving=7,
    )
    found = health_in(samples).networks["sepolia"]
    assert (found.up, found.balance_ether, found.pays_for, found.low) == (True, 0.25, 40, True)
    assert (found.pending, found.final, found.finality_lag_seconds) == (6, 9, 790)
    assert (found.endpoints, found.endpoints_out, found.ends_in_days, found.outliving) == (3, 2, 30, 7)


@pytest.mark.parametrize("missing", ["balance_ether", "finality_lag_seconds", "network_ends_in_days"])
def test_what_a_network_does_not_say_is_unknown_and_not_nought(missing: str) -> None:
    values = {"balance_ether": 1.0, "finality_lag_seconds": 12.0, "network_ends_in_days": 3.0}
    del values[missing]
    found = health_in(page("sepolia", **values)).networks["sepolia"]
    names = {"network_ends_in_days": "ends_in_days"}
    assert getattr(found, names.get(missing, missing)) is None


def test_a_network_that_does_not_answer_is_down_and_keeps_what_waits() -> None:
    found = health_in([*page(up=0.0, sent=4), *page("hoodi", sent=1)]).networks
    assert {name: (each.up, each.pending) for name, each in found.items()} == {
        "hoodi": (True, 1),
        "sepolia": (False, 4),
    }


def test_without_figures_of_a_chain_there_is_no_network() -> None:
    assert networks_in({}) == {} and health_in([]).networks == {}


def test_the_networks_of_whichever_replica_has_them_are_shown() -> None:
    assert "sepolia" in worst_of([health_in([]), health_in(page())]).networks
