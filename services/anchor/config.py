"""The settings of anchor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Literal, cast

from services.anchor.anchoring import FeeRules
from services.anchor.batching import BatchRules
from shared.errors import RefuseToStart
from shared.merkle_proof import NETWORKS
from shared.runtime.settings import ObjectStorage, Runtime, Settings, read_object_storage, read_runtime

AnchorOn = Literal["receipt", "issue"]
_GWEI = 1_000_000_000


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    objects: ObjectStorage
    public_url: str
    network: str
    rpc_url: str
    chain_id: int
    contract: str
    keystore_file: Path
    password_file: Path
    anchor_on: AnchorOn  # a badge waits for a batch once it was received, or from its issue on
    batches: BatchRules
    fees: FeeRules
    poll: timedelta  # between two looks at a transaction on its way


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, naming the setting, for a missing or impossible one."""
    settings = Settings(environment)
    network = settings.text("CHAIN_NETWORK", "local")
    chain_id = settings.whole("CHAIN_ID", NETWORKS.get(network), least=1, most=2**53)
    if NETWORKS.get(network, chain_id) != chain_id:
        raise RefuseToStart(f"setting CHAIN_ID: got {chain_id}, expected {NETWORKS[network]}, that of {network}")
    return Config(
        runtime=read_runtime("anchor", settings),
        objects=read_object_storage(settings),
        public_url=settings.url("PUBLIC_URL"),
        network=network,
        rpc_url=settings.url("CHAIN_RPC_URL"),
        chain_id=chain_id,
        contract=_contract(settings.file("CONTRACT_ADDRESS_FILE")),
        keystore_file=settings.file("CHAIN_KEYSTORE_FILE"),
        password_file=settings.file("CHAIN_PASSWORD_FILE"),
        anchor_on=cast(AnchorOn, settings.choice("ANCHOR_ON", ("receipt", "issue"), "receipt")),
        batches=BatchRules(
            size=settings.whole("BATCH_SIZE", 20_000, least=1, most=100_000),
            age=timedelta(seconds=settings.seconds("BATCH_AGE_SECONDS", 86_400.0)),
            daily_at=_time_of_day(settings),
        ),
        fees=FeeRules(
            cap=settings.whole("MAX_FEE_GWEI", 100, least=1, most=1_000_000) * _GWEI,
            stuck_after=timedelta(seconds=settings.seconds("STUCK_SECONDS", 180.0)),
        ),
        poll=timedelta(seconds=settings.seconds("CHAIN_POLL_SECONDS", 2.0)),
    )


def _contract(file: Path) -> str:
    text = file.read_text(encoding="utf-8").strip()
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise RefuseToStart(f"setting CONTRACT_ADDRESS_FILE: {file} holds {text[:60]!r}, expected an address (0x…)")
    return text.lower()


def _time_of_day(settings: Settings) -> time | None:
    text = settings.text("BATCH_DAILY_AT", "never")  # nightly batches: "02:00", Japan time
    if text == "never":
        return None
    return settings.read("BATCH_DAILY_AT", "a time of day in Japan (02:00), or never", time.fromisoformat)
