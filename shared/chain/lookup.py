"""All configured networks as a reader sees them. Used by anchor (the file) and verifier (the answers)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shared.chain.facts import NetworkAnswers, NetworkAway
from shared.chain.networks import Network, parse_networks
from shared.chain.registry import Registry
from shared.errors import RefuseToStart, TryLater
from shared.runtime.settings import Settings

_OTHERS = 0o137  # all but 0600 and 0640


def read_networks(settings: Settings, name: str = "NETWORKS_FILE") -> tuple[Network, ...]:
    """The networks of the file that the setting names. RefuseToStart names the field; other users must not read it."""
    file = settings.file(name)
    return networks_in(file, f"setting {name}: {file}")


def networks_in(file: Path, what: str) -> tuple[Network, ...]:
    """The networks of a file. RefuseToStart begins with `what`."""
    try:
        mode = file.stat().st_mode & 0o777
        if mode & _OTHERS:
            raise ValueError(f"its mode is {mode:04o}, expected 0600 or 0640; run chmod 600 on it")
        return parse_networks(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefuseToStart(f"{what}: {error}") from error


class Networks:
    """Looks roots up on every network, all at once: one that has ended costs the others nothing. Thread-safe."""

    def __init__(self, networks: Sequence[Network], *, timeout: float = 5.0) -> None:
        self.networks = tuple(networks)
        self._registries = [Registry.of(network, timeout=timeout) for network in self.networks]
        self._threads = ThreadPoolExecutor(max(4 * (len(self.networks) - 1), 1), "networks")

    def answers(
        self, roots: Iterable[bytes], transactions: Iterable[tuple[int, str]] = ()
    ) -> list[NetworkAnswers | NetworkAway]:
        """What each network says, in the file's order. `transactions`: chain id and hash; asked on their chain only."""
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
            anchorings={root: registry.anchored_at(root) for root in roots},
            transactions={
                hash: registry.transaction(hash) for chain_id, hash in transactions if chain_id == network.chain_id
            },
        )
    except TryLater as error:
        return NetworkAway(network=network.id, chain_id=network.chain_id, contract=network.contract, why=str(error))
