"""Reads NETWORKS_FILE and looks roots up on all its networks. Used by anchor (the file) and verifier (both)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shared.chain.facts import NetworkAnswers, NetworkAway
from shared.chain.networks import Network, parse_networks
from shared.chain.registry import Registry
from shared.errors import RefuseToStart, TryLater
from shared.runtime.settings import Settings

_TOO_OPEN = 0o137  # the bits that neither 0600 nor 0640 has


def read_networks(settings: Settings) -> tuple[Network, ...]:
    """The networks of the file in NETWORKS_FILE. RefuseToStart names the field; also when others may read it."""
    file = settings.file("NETWORKS_FILE")
    return networks_in(file, f"setting NETWORKS_FILE: {file}")


def networks_in(file: Path, what: str) -> tuple[Network, ...]:
    """The networks of a file. The text of RefuseToStart begins with `what`."""
    try:
        mode = file.stat().st_mode & 0o777
        if mode & _TOO_OPEN:
            raise ValueError(f"its mode is {mode:04o}, expected 0600 or 0640; run chmod 600 on it")
        return parse_networks(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefuseToStart(f"{what}: {error}") from error


class Networks:
    """Looks roots up on all networks in parallel, so one that has ended doesn't delay the others. Thread-safe."""

    def __init__(self, networks: Sequence[Network], *, timeout: float = 5.0) -> None:
        self.networks = tuple(networks)
        self._registries = [Registry.of(network, timeout=timeout) for network in self.networks]
        self._threads = ThreadPoolExecutor(max(4 * (len(self.networks) - 1), 1), "networks")

    def answers(
        self, roots: Iterable[bytes], transactions: Iterable[tuple[int, str]] = ()
    ) -> list[NetworkAnswers | NetworkAway]:
        """The answers of each network, in order. `transactions`: chain id and hash; each is asked on its chain only."""
        roots, named = tuple(dict.fromkeys(roots)), tuple(dict.fromkeys(transactions))
        pairs = list(zip(self.networks, self._registries, strict=True))
        others = [self._threads.submit(_answers, *pair, roots, named) for pair in pairs[1:]]
        return [_answers(*pairs[0], roots, named), *(other.result() for other in others)]

    def close(self) -> None:
        self._threads.shutdown(wait=False)


def _answers(
    network: Network, registry: Registry, roots: tuple[bytes, ...], transactions: tuple[tuple[int, str], ...]
) -> NetworkAnswers | NetworkAway:
    try:
        finalized = registry.finalized_block()  # first: what is final now can't be less final a moment later
        return NetworkAnswers(
            network=network.id,
            chain_id=network.chain_id,
            contract=network.contract,
            finalized_block=finalized,
            anchorings={root: registry.entry_of(root) for root in roots},
            transactions={
                hash: registry.transaction(hash) for chain_id, hash in transactions if chain_id == network.chain_id
            },
        )
    except TryLater as error:
        return NetworkAway(network=network.id, chain_id=network.chain_id, contract=network.contract, why=str(error))
