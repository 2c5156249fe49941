"""A test network ends: its history moves to a successor by one command, and every old file is still valid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.local.ports import free_base
from deploy.local.stack import Stack
from services.anchor.commands.anchor import anchor
from services.verifier.check.credential import read_credential
from services.verifier.check.verdict import Verdict, verdict_on
from services.verifier.sources.chains import Chains
from services.verifier.sources.gather import gather
from shared.chain.lookup import Networks, networks_in
from shared.credentials.credential import leaf_of
from shared.credentials.did import did_of
from tests.worlds.anchor_story import QUICK, AnchorStory, Blocks, PrivateChain, configure, deploy
from tests.worlds.anvil import anvil
from tests.worlds.faulty_node import Ask, faulty_node
from tests.worlds.story import until
from tests.worlds.verifier import VerifierWorld

BADGES = 50


@pytest.fixture
def two(new_home: Callable[[str], Path]) -> Iterator[tuple[Stack, PrivateChain, PrivateChain]]:
    """The anchor service, and two chains, of which it knows the first."""
    with ExitStack() as stack:
        running = stack.enter_context(Stack(new_home("ends"), free_base(), services=("anchor",), settings=QUICK))
        networks = []
        for id, chain_id in (("local", 31337), ("second", 31338)):
            chain = stack.enter_context(anvil(chain_id))
            contract = deploy(running, chain)
            nodes = [stack.enter_context(faulty_node(chain.url))]
            blocks = Blocks(chain)
            stack.callback(blocks.stop)
            networks.append(PrivateChain(id, chain_id, chain, blocks, nodes, contract))
        configure(running, networks[0].toml(ends_on="2028-09-30"))
        running.restart("anchor")
        yield running, networks[0], networks[1]


def akashi(stack: Stack, *words: str) -> dict[str, Any]:
    environment = {"AKASHI_HOME": str(stack.home), "AKASHI_PORT_BASE": str(stack.port_base), **QUICK}
    done = CliRunner().invoke(anchor, [*words, "--json"], env=environment)
    assert done.exit_code in (0, 1) and isinstance(done.exception, SystemExit | None), done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_every_old_file_is_valid_after_its_network_ended(
    two: tuple[Stack, PrivateChain, PrivateChain], tmp_path: Path
) -> None:
    stack, first, second = two
    world = VerifierWorld("http://localhost:1", first.chain, "postgresql://nobody@127.0.0.1:1/none")

    def verdict(file: bytes) -> Verdict:
        networks = Networks(networks_in(stack.place.networks_file, "networks"), timeout=1)
        credential = read_credential(json.loads(file))
        evidence = gather(credential, world.shelf, Chains(networks), public_url=world.url)
        networks.close()
        return verdict_on(credential, evidence, did=did_of(world.url), now=world.moment)

    # Fifty badges, signed as the issuer signs, anchored on the first network: people have these files.
    story = AnchorStory(stack, first, "OLD", BADGES)
    documents = {id: world.issue(number + 1) for number, id in enumerate(story.ids)}
    bodies = {id: json.dumps(document, ensure_ascii=False).encode() for id, document in documents.items()}
    story.feed(bodies, {id: leaf_of(document) for id, document in documents.items()})
    story.completes()
    files = [story.objects.get(f"credentials/{id}.json") for id in story.ids]
    assert {verdict(file).kind for file in files[:3]} == {"valid"}
    status = akashi(stack, "status")
    assert "migrate --to" in "".join(status["networks"][0]["warnings"])  # badges outlive the network

    # A successor is configured, and the history moves there.
    configure(stack, first.toml(ends_on="2028-09-30"), second.toml())
    stack.restart("anchor")
    plan = akashi(stack, "migrate", "--to", "second", "--dry-run")
    assert plan["roots"] == status["batches"] >= 3
    assert plan["transactions"] == 1
    assert plan["fee_most_ether"] > plan["fee_now_ether"] > 0
    assert plan["final"] == 0
    done = akashi(stack, "migrate", "--to", "second")
    assert (done["final"], done["on_the_way"]) == (plan["roots"], 0)
    again = akashi(stack, "migrate", "--to", "second")
    assert (again["roots"], again["there_already"], again["transactions"]) == (0, 0, 0)
    roots = [bytes(root) for (root,) in story.rows("select root from batches")]
    for root in roots:
        manifest = json.loads(story.objects.get(f"batches/{root.hex()}.json"))
        assert [anchor["network"] for anchor in manifest["anchors"]] == ["local", "second"]
    assert akashi(stack, "status")["networks"][0]["badges_outliving"] == 0

    # The first network is off for good.
    first.blocks.stop()
    first.set_fault(_gone)
    configure(stack, first.toml(ends_on="2028-09-30", retired="true"), second.toml())
    stack.restart("anchor")
    for file in files:
        found = verdict(file)
        assert found.kind == "valid"
        assert "second (chain 31338)" in " ".join(check.got for check in found.checks)

    # Without the move they could not be checked; never are they called forged.
    configure(stack, first.toml())
    assert verdict(files[0]).kind == "could-not-check"

    # New badges go to the successor alone.
    configure(stack, first.toml(retired="true"), second.toml())
    new = AnchorStory(stack, second, "NEW", BADGES)
    new.feed()
    new.completes()
    decided = new.rows(
        "select distinct network from anchorings join batches on decided_by = id join leaves using (root)"
        " where assertion_id = any(%s)",
        new.ids,
    )
    assert decided == [("second",)]
    assert new.registry.address == second.contract
    until(lambda: akashi(stack, "status")["waiting_leaves"] == 0, seconds=10, what="nothing waits")


def _gone(method: str, parameters: list[object], ask: Ask) -> object:
    raise ConnectionAbortedError
