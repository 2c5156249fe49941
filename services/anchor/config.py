"""The settings of anchor, and of its commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

from services.anchor.domain.batching import BatchRules, read_cron
from shared.chain.lookup import read_networks
from shared.chain.networks import Network, active
from shared.clock import Clock
from shared.errors import RefuseToStart
from shared.runtime.settings import (
    ObjectStorageSettings,
    Runtime,
    Settings,
    command_environment,
    read_object_storage,
    read_runtime,
)

AnchorOn = Literal["receipt", "issue"]


@dataclass(frozen=True)
class AnchorSettings:
    """What both the service and its commands need."""

    objects: ObjectStorageSettings
    public_url: str
    networks: tuple[Network, ...]
    keystore_file: Path
    password_file: Path
    public_key_file: Path | None  # names the key in proofs; None: the first that we have
    anchor_on: AnchorOn  # when a badge starts to wait for a batch: received by its holder, or issued
    batch_rules: BatchRules
    stuck_after: timedelta  # without a block for this long: offer more
    poll: timedelta  # between two polls of a pending transaction


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    anchor: AnchorSettings


@dataclass(frozen=True)
class CommandConfig:
    """What `akashi anchor` needs."""

    database_url: str
    clock: Clock
    anchor: AnchorSettings


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, naming the setting, for a missing or impossible one."""
    settings = Settings(environment)
    return Config(read_runtime("anchor", settings), _anchor_settings(settings))


def read_command_config(environment: Mapping[str, str]) -> CommandConfig:
    """The local stack, unless settings name another."""
    settings = Settings(command_environment("anchor", environment))
    database_url = settings.url("DATABASE_URL", schemes=("postgresql",))
    return CommandConfig(database_url, settings.clock(), _anchor_settings(settings))


def _anchor_settings(settings: Settings) -> AnchorSettings:
    networks = read_networks(settings)
    if not active(networks):
        raise RefuseToStart("setting NETWORKS_FILE: all networks are retired; expected one that takes new roots")
    cron = settings.text("BATCH_CRON", "never")  # nightly batches: "0 2 * * *", Japan time
    return AnchorSettings(
        objects=read_object_storage(settings),
        public_url=settings.site("PUBLIC_URL"),
        networks=networks,
        keystore_file=settings.file("CHAIN_KEYSTORE_FILE"),
        password_file=settings.file("CHAIN_PASSWORD_FILE"),
        public_key_file=settings.if_given("CHAIN_PUBLIC_KEY_FILE", settings.file),
        anchor_on=cast(AnchorOn, settings.choice("ANCHOR_ON", ("receipt", "issue"), "receipt")),
        batch_rules=BatchRules(
            size=settings.whole("BATCH_SIZE", 20_000, least=1, most=100_000),
            age=timedelta(seconds=settings.seconds("BATCH_AGE_SECONDS", 86_400.0)),
            cron=None
            if cron == "never"
            else settings.read("BATCH_CRON", "a cron expression of five fields (0 2 * * *), or never", read_cron),
        ),
        stuck_after=timedelta(seconds=settings.seconds("STUCK_SECONDS", 180.0)),
        poll=timedelta(seconds=settings.seconds("CHAIN_POLL_SECONDS", 2.0)),
    )
