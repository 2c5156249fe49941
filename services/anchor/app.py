"""Table of contents: which events and ticks lead where."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from services.anchor import erasure, handlers, readiness
from services.anchor.config import Config
from services.anchor.domain.proving import TreeCache
from services.anchor.handlers import Ports
from services.anchor.inventory import Manifests, Proofs
from services.anchor.network import network_status, submission
from services.anchor.network.network_status import StatusMonitor
from services.anchor.network.sender import NetworkConnection
from services.anchor.network.submission import NetworkPorts
from services.anchor.store import AnchorTransaction
from shared.count_events import StatementAnchored, StatementPublished
from shared.erasure_events import AssertionsErased
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, BadgeReceived
from shared.object_keys import DID_DOCUMENT
from shared.runtime.process import Process
from shared.runtime.readiness import storage_report

MIGRATIONS = Path(__file__).parent / "migrations"

_MEASURE_SECONDS = 15.0


def build(config: Config, ports: Ports, networks: Sequence[NetworkPorts], monitor: StatusMonitor) -> Process:
    process = Process(config.runtime, ports.store, MIGRATIONS)
    if config.anchor.anchor_on == "issue":
        process.note(AssertionIssued, AnchorTransaction.note_issued_ready)
    else:
        process.note(AssertionIssued, AnchorTransaction.note_issued)
    process.note(BadgeReceived, AnchorTransaction.note_received)
    process.note(AssertionRevoked, AnchorTransaction.note_revoked)
    process.consume(AssertionsErased, erasure.note_erased, ports)
    process.note(StatementPublished, AnchorTransaction.note_statements)
    process.recall(AssertionAnchored, AnchorTransaction.take_back_anchored)
    process.recall(StatementAnchored, AnchorTransaction.take_back_anchored)
    process.tick("read_manifest_again", handlers.read_manifest_again, ports)
    process.tick("close_batch", handlers.close_batch, ports)
    for network in networks:
        name = network.deployment.network.replace("-", "_")
        process.tick(f"submit_{name}", submission.submit, network)
        process.tick(f"confirm_{name}", submission.confirm, network)
        process.tick(f"check_finality_{name}", submission.check_finality, network, every=network.poll.total_seconds())
    process.tick("prove", handlers.prove, ports, full=50)
    process.tick("erase", erasure.delete_erased, ports)
    process.scrub(
        ports.objects, Proofs(TreeCache(), ports.verification_method), Manifests(TreeCache()), before="issuer"
    )
    _readiness(process, config, ports, monitor.connections)
    process.tick("measure", network_status.measure, monitor, every=_MEASURE_SECONDS, waits=False)
    return process


def _readiness(process: Process, config: Config, ports: Ports, connections: tuple[NetworkConnection, ...]) -> None:
    settings = config.anchor
    files = (settings.keystore_file, settings.password_file, connections[0].sender.address)
    process.ready("object-storage", lambda _, to: storage_report(to.objects, DID_DOCUMENT), ports)
    process.ready("chain-key", lambda _, to: readiness.chain_key(*files, to), ports)
    for each in connections:
        if not each.network.retired:  # a check of its own: one that hangs doesn't hold the others up
            ask = partial(readiness.network, connection=each, connections=connections)
            process.ready(f"chain:{each.network.id}", ask, ports)
