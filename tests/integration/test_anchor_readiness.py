"""What anchor finds out about a network at a rehearsal, on a real chain and a real PostgreSQL; nothing is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from eth_account import Account

from services.anchor.domain.costs import ROOT_GAS
from services.anchor.network.sender import NetworkConnection, Sender
from services.anchor.readiness import network
from shared.chain.networks import Network
from shared.chain.registry import Registry
from shared.programme import Bilingual
from shared.readiness import Question, Report
from tests.worlds.anchor import GWEI, World
from tests.worlds.anvil import CHAIN_ID

pytest_plugins = ("tests.worlds.anchor_fixtures",)

UNTIL = date(2030, 3, 31)


def connection(world: World, sender: Sender | None = None, **changes: Any) -> NetworkConnection:
    deployment = world.network.deployment
    of = Network(deployment.network, Bilingual("", ""), deployment.chain_id, ("http://x",), deployment.contract, 1)
    return NetworkConnection(replace(of, **changes), sender or world.network.sender)


def asked(world: World, each: NetworkConnection, badges: int = 12, *others: NetworkConnection) -> Report:
    return network(Question(badges=badges, valid_until=UNTIL), world.ports, each, (each, *others))


def codes(report: Report) -> list[str | None]:
    return [each.code for each in report.findings]


def test_a_network_that_is_well_says_what_the_cohorts_batches_cost_and_nothing_is_sent(anchor_world: World) -> None:
    world = anchor_world
    nonce = world.chain.call("eth_getTransactionCount", world.account.address, "pending")
    before = world.rows("select count(*) from batches"), world.rows("select count(*) from outbox")
    report = asked(world, connection(world))
    assert codes(report) == [None] and report.batches is not None
    assert (report.batches.batches, report.batches.depth, report.batches.closes_after) == (3, 3, 30.0)
    [fee] = report.batches.networks
    assert fee.fee_now is not None and fee.fee_most is not None and 0 < fee.fee_now < fee.fee_most
    assert fee.fee_most <= 3 * ROOT_GAS * 100 * GWEI and fee.balance is not None and fee.balance > 9 * 10**18
    assert nonce == world.chain.call("eth_getTransactionCount", world.account.address, "pending")
    assert before == (world.rows("select count(*) from batches"), world.rows("select count(*) from outbox"))


@pytest.mark.parametrize(("wei", "badges", "needed"), [(10**17, 12, 30), (10**18, 1000, 200), (0, 0, 30)])
def test_a_balance_that_does_not_pay_for_the_cohort_names_the_account(
    anchor_world: World, wei: int, badges: int, needed: int
) -> None:
    anchor_world.chain.call("anvil_setBalance", anchor_world.account.address, hex(wei))
    [low] = asked(anchor_world, connection(anchor_world), badges).findings[:1]
    assert (low.code, low.facts["needed"]) == ("balance-low", str(needed))
    assert low.facts["address"].lower() == anchor_world.account.address.lower()


def test_a_network_that_is_away_has_no_figures_and_one_of_two_endpoints_that_is_left_out_is_told(
    anchor_world: World,
) -> None:
    gone = Registry("http://127.0.0.1:9", anchor_world.network.deployment.contract, CHAIN_ID)
    report = asked(anchor_world, connection(anchor_world, Sender(gone, anchor_world.account)))
    assert codes(report) == ["chain-away"] and report.batches is not None
    assert report.batches.networks[0].fee_now is None and report.batches.batches == 3
    assert codes(asked(anchor_world, connection(anchor_world, rpc_urls=("http://x", "http://y")))) == ["endpoints-few"]


def test_badges_that_outlive_all_networks_are_told_and_one_that_lasts_is_enough(anchor_world: World) -> None:
    ending, lasting = connection(anchor_world, ends_on=date(2026, 9, 30)), connection(anchor_world, id="other")
    [told] = [each for each in asked(anchor_world, ending).findings if each.code == "network-ends"]
    assert (told.facts["on"], told.facts["until"]) == ("2026-09-30", "2030-03-31")
    assert "network-ends" not in codes(asked(anchor_world, ending, 12, lasting))
    retired = replace(lasting, network=replace(lasting.network, retired=True))
    assert "network-ends" in codes(asked(anchor_world, ending, 12, retired))


def test_an_account_without_the_role_is_told_before_anything_is_sent(anchor_world: World) -> None:
    stranger = Account.create()
    anchor_world.chain.fund(stranger.address)
    report = asked(anchor_world, connection(anchor_world, Sender(anchor_world.network.sender.registry, stranger)))
    assert codes(report) == ["contract-refuses"] and report.batches is None
