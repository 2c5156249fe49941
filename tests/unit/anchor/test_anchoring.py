from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from services.anchor.domain.anchoring import (
    Bump,
    ChainFacts,
    ExpectedTransaction,
    Final,
    Inclusion,
    Mined,
    Reorged,
    SendAgain,
    SignAgain,
    SignedTransaction,
    State,
    Step,
    Wait,
    adopted_step,
    left_the_chain,
    next_step,
    send_result,
)
from services.anchor.domain.costs import Fee, FeeRules, GasPrice
from shared.chain.facts import RegistryEntry, TransactionFacts

GWEI = 10**9
NOW = datetime(2026, 4, 1, tzinfo=UTC)
TARGET = ExpectedTransaction(roots=(b"r" * 32,), input=b"r" * 32, contract="0xc", sender="0xa")
RULES = FeeRules(cap=100 * GWEI, stuck_after=timedelta(seconds=60))
SIGNED = SignedTransaction(hash="0x1", nonce=7, fee=Fee(20 * GWEI, GWEI), signed_at=NOW)
PENDING = TransactionFacts(hash="0x1", sender="0xa", to="0xc", input=TARGET.input, nonce=7)
TAKEN = msgspec.structs.replace(PENDING, succeeded=True, block_number=50, block_hash="0xb50")
REVERTED = msgspec.structs.replace(TAKEN, succeeded=False)
QUIET = ChainFacts(
    known=(PENDING,),
    entries=(None,),
    canonical_hash=None,
    finalized=40,
    next_nonce=7,
    gas_price=GasPrice(base=10 * GWEI, tip=GWEI),
)
IN_A_BLOCK = replace(QUIET, known=(TAKEN,), entries=(RegistryEntry(NOW, 50),), canonical_hash="0xb50", next_nonce=8)
INCLUDED = Inclusion("0x1", 50, "0xb50", NOW)
LATER = NOW + timedelta(seconds=60)


def step(
    chain: ChainFacts, state: State = "sent", signed: tuple[SignedTransaction, ...] = (SIGNED,), now: datetime = NOW
) -> Step:
    return next_step(state, TARGET, signed, chain, now, RULES)


def test_a_block_above_the_finalized_one_is_only_mined() -> None:
    assert step(IN_A_BLOCK) == Mined(INCLUDED)
    assert step(IN_A_BLOCK, "mined") == Wait("not-final")


@pytest.mark.parametrize("state", ["sent", "mined"])
def test_a_root_in_a_final_block_is_final(state: State) -> None:
    assert step(replace(IN_A_BLOCK, finalized=50), state) == Final(INCLUDED)


def test_a_mined_root_whose_block_is_gone_is_reorged() -> None:
    assert step(replace(IN_A_BLOCK, canonical_hash="0xother"), "mined") == Reorged()
    assert step(QUIET, "mined") == Reorged()


def test_a_receipt_counts_only_with_its_block_on_chain_and_the_root_in_the_contract() -> None:
    """The block must stand on the chain and the contract must know the root, in that very block."""
    for lie in (
        replace(IN_A_BLOCK, finalized=99, entries=(None,)),
        replace(IN_A_BLOCK, finalized=99, entries=(RegistryEntry(NOW, 49),)),
        replace(IN_A_BLOCK, finalized=99, canonical_hash="0xother"),
    ):
        assert step(lie) == Wait("node-disagrees")


@pytest.mark.parametrize("wrong", [{"to": "0xelse"}, {"input": b"x" * 32}, {"sender": "0xelse"}])
def test_a_transaction_of_another_sender_contract_or_input_is_ignored(wrong: dict[str, object]) -> None:
    stranger = msgspec.structs.replace(TAKEN, **wrong)
    assert not isinstance(step(replace(IN_A_BLOCK, known=(stranger,), finalized=99)), Final | Mined)


def test_a_dropped_transaction_is_sent_again() -> None:
    assert step(replace(QUIET, known=())) == SendAgain()


def test_a_pending_transaction_waits() -> None:
    assert step(QUIET) == Wait("pending")


def test_a_stuck_transaction_gets_an_eighth_more_with_its_own_nonce() -> None:
    expected = Fee(22_500_000_000, 1_125_000_000)
    assert step(QUIET, now=LATER) == Bump(7, expected)


def test_a_transaction_signed_by_a_clock_that_was_ahead_counts_as_stuck_not_as_fresh_for_weeks() -> None:
    ahead = replace(SIGNED, signed_at=NOW + timedelta(days=40))
    assert isinstance(step(QUIET, signed=(ahead,)), Bump)
    assert step(replace(QUIET, known=(), next_nonce=8), signed=(ahead,)) == SignAgain("nonce-taken")


def test_a_stuck_transaction_at_the_cap_is_not_bumped() -> None:
    dear = replace(SIGNED, fee=Fee(99 * GWEI, GWEI))
    assert step(QUIET, signed=(dear,), now=LATER) == Wait("fee-over-cap")
    assert step(replace(QUIET, known=()), signed=(dear,), now=LATER) == SendAgain()


def test_the_first_transaction_counts_when_it_was_mined_before_its_replacement() -> None:
    second = SignedTransaction(hash="0x2", nonce=7, fee=Fee(30 * GWEI, GWEI), signed_at=NOW)
    assert step(replace(IN_A_BLOCK, finalized=50), signed=(SIGNED, second)) == Final(INCLUDED)


def test_a_nonce_used_elsewhere_is_replaced_only_after_the_stuck_time() -> None:
    elsewhere = replace(QUIET, known=(), next_nonce=8)
    assert step(elsewhere) == Wait("not-seen")
    assert step(elsewhere, now=LATER) == SignAgain("nonce-taken")


def test_a_revert_counts_only_when_it_is_final() -> None:
    failed = replace(QUIET, known=(REVERTED,), next_nonce=8)
    assert step(failed) == Wait("revert-not-final")
    assert step(replace(failed, finalized=50)) == SignAgain("reverted")


def test_a_newer_transaction_waits_although_an_older_one_reverted() -> None:
    newer = SignedTransaction(hash="0x2", nonce=9, fee=SIGNED.fee, signed_at=NOW)
    newer_pending = msgspec.structs.replace(PENDING, hash="0x2", nonce=9)
    chain = replace(QUIET, known=(REVERTED, newer_pending), next_nonce=9, finalized=99)
    assert step(chain, signed=(SIGNED, newer)) == Wait("pending")


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (IN_A_BLOCK, Wait("not-final")),
        (replace(IN_A_BLOCK, finalized=50), Final(INCLUDED)),
        (replace(IN_A_BLOCK, finalized=50, entries=(None,)), SignAgain("adopted-gone")),
        (replace(IN_A_BLOCK, finalized=50, entries=(RegistryEntry(NOW, 51),)), SignAgain("adopted-gone")),
        (replace(IN_A_BLOCK, finalized=50, canonical_hash="0xother"), SignAgain("adopted-gone")),
        (replace(IN_A_BLOCK, finalized=50, canonical_hash=None), Wait("node-disagrees")),
    ],
)
def test_an_adopted_root_is_final_only_in_a_final_block_that_is_on_chain(chain: ChainFacts, expected: Step) -> None:
    assert adopted_step(INCLUDED, chain) == expected


def test_many_roots_are_final_only_when_the_contract_knows_each_of_them() -> None:
    for one_missing in ((RegistryEntry(NOW, 50), None), (RegistryEntry(NOW, 50), RegistryEntry(NOW, 49))):
        assert step(replace(IN_A_BLOCK, finalized=50, entries=one_missing)) == Wait("node-disagrees")


def test_a_final_block_left_the_chain_only_by_the_word_of_a_node_that_is_not_behind() -> None:
    final = replace(IN_A_BLOCK, finalized=50)
    assert not left_the_chain(INCLUDED, final)
    assert left_the_chain(INCLUDED, replace(final, canonical_hash="0xother"))
    assert left_the_chain(INCLUDED, replace(final, entries=(None,)))
    assert not left_the_chain(INCLUDED, replace(final, finalized=49, canonical_hash=None, entries=(None,)))


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        ("already known", "accepted"),
        ("transaction already imported", "accepted"),
        ("nonce too low: next nonce 8, tx nonce 7", "accepted"),
        ("replacement transaction underpriced", "underpriced"),
        ("max fee per gas less than block base fee", "underpriced"),
        ("insufficient funds for gas * price + value", "refused"),
        ("something that no node says", "refused"),
    ],
)
def test_each_error_text_of_a_node_has_its_send_result(answer: str, meaning: str) -> None:
    assert send_result(answer) == meaning
