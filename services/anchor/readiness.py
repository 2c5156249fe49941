"""Is anchor ready: its key, each network, and what the cohort's batches cost there. Signs and sends nothing."""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from services.anchor.domain.costs import LOW_BALANCE_ROOTS, batches_of, cost_of
from services.anchor.handlers import Ports
from services.anchor.network.network_status import LOW_BALANCE, NetworkStatus, status_of
from services.anchor.network.sender import NetworkConnection
from shared import object_keys
from shared.chain.rpc import Refused
from shared.credentials.merkle import longest_path
from shared.errors import TryLater, cause_of
from shared.readiness import BatchesForecast, Finding, NetworkForecast, Question, Report, fault, not_asked, ok
from shared.runtime.objects import ReadableObjects
from shared.runtime.readiness import read

KEY, CHAIN, DID = "chain-key", "chain", "chain-key-listed"


def chain_key(keystore: Path, password: Path, address: str, ports: Ports) -> Report:
    """The files are still readable and of the account that we send from; did.json names its key. Nothing is decrypted.

    The key was decrypted at the start of this process: to do it again takes a second of processor time.
    """
    return Report(findings=(_of_files(keystore, password, address), _listed(ports.verification_method, ports.objects)))


def _of_files(keystore: Path, password: Path, address: str) -> Finding:
    try:
        content: Any = json.loads(keystore.read_text(encoding="utf-8"))
        found = "0x" + str(content.get("address", "")).lower().removeprefix("0x")
        if not password.read_bytes().strip():
            return fault(KEY, "key-unreadable", password.name, cause="the file is empty")
    except (OSError, ValueError, AttributeError) as error:
        return fault(KEY, "key-unreadable", keystore.name, cause=type(error).__name__)
    if found not in ("0x", address):  # a keystore need not name its address
        return fault(KEY, "key-replaced", keystore.name, got=found, expected=address)
    return ok(KEY, keystore.name, address=address)


def _listed(method: str, objects: ReadableObjects) -> Finding:
    """Verifiers of our proofs look the key up in did.json by this name."""
    try:
        published = read(objects, object_keys.DID_DOCUMENT)
        if published is None:
            return not_asked(DID, "did-not-yet")
        document: Any = json.loads(published)
        names = [str(each["id"]) for each in document["verificationMethod"]]
    except TryLater as error:
        return fault(DID, "storage-away", cause=cause_of(error, 160))
    except (ValueError, KeyError, TypeError) as error:
        return fault(DID, "did-unreadable", cause=type(error).__name__)
    return ok(DID, key=method) if method in names else fault(DID, "did-lacks-key", key=method)


def network(
    question: Question, ports: Ports, connection: NetworkConnection, connections: tuple[NetworkConnection, ...]
) -> Report:
    """One network that takes new roots: endpoints, balance, warnings; and the fee of the cohort's batches on it."""
    batches = batches_of(question.badges, ports.batch_rules)
    found = status_of(ports, connection, connections)
    try:
        forecast, refused = _forecast(question.badges, batches, ports, found), None
    except Refused as error:
        forecast, refused = None, fault(CHAIN, "contract-refuses", connection.network.id, cause=cause_of(error, 160))
    findings = [*_of_network(found, batches), *_of_end(question.valid_until, connection, connections)]
    if refused is not None:
        findings = [refused, *(each for each in findings if each.state == "fault")]
    return Report(findings=tuple(findings), batches=forecast)


def _of_end(
    until: date | None, connection: NetworkConnection, connections: tuple[NetworkConnection, ...]
) -> list[Finding]:
    """The badges to come outlive this network, and every other that takes them."""
    lasting = max(each.network.last_day for each in connections if not each.network.retired)
    if until is None or until <= lasting:
        return []
    return [fault(CHAIN, "network-ends", connection.network.id, on=connection.network.ends_on, until=until)]


def _of_network(found: NetworkStatus, batches: int) -> tuple[Finding, ...]:
    network = found.connection.network
    if found.away or found.pays_for is None:
        return (fault(CHAIN, "chain-away", network.id, cause=found.away[:160]),)
    findings = []
    if found.pays_for < (needed := max(batches, LOW_BALANCE_ROOTS)):
        address = found.connection.sender.address
        findings.append(fault(CHAIN, "balance-low", network.id, roots=found.pays_for, needed=needed, address=address))
    if found.sound < len(network.rpc_urls):
        findings.append(fault(CHAIN, "endpoints-few", network.id, sound=found.sound, of=len(network.rpc_urls)))
    if warnings := [each for each in found.warnings if not each.startswith(LOW_BALANCE)]:
        findings.append(fault(CHAIN, "chain-warns", network.id, warnings="; ".join(warnings)[:300]))
    return tuple(findings) or (ok(CHAIN, network.id, roots=found.pays_for, endpoints=found.sound),)


def _forecast(badges: int, batches: int, ports: Ports, found: NetworkStatus) -> BatchesForecast:
    rules = ports.batch_rules
    return BatchesForecast(
        batches=batches,
        depth=longest_path(min(badges, rules.size)),
        closes_after=rules.age.total_seconds(),
        cron=rules.cron,
        networks=(_on_network(batches, ports, found),),
    )


def _on_network(batches: int, ports: Ports, found: NetworkStatus) -> NetworkForecast:
    network, chain, sender = found.connection.network, found.chain, found.connection.sender
    if chain is None:
        return NetworkForecast(network=network.id)
    unknown_root = sha256(str(ports.now()).encode()).digest()  # every root that isn't anchored yet costs the same
    try:
        cost = cost_of(sender.gas_for(unknown_root), sender.gas_price(), network.max_fee_gwei)
    except Refused:
        raise
    except TryLater:
        return NetworkForecast(network=network.id, balance=chain.balance)
    return NetworkForecast(
        network=network.id,
        fee_now=batches * cost.now,
        fee_most=batches * cost.most,
        balance=chain.balance,
        final_in=float(chain.finality_seconds),
    )
