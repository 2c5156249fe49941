"""The settings of registration and of its command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from services.registration.domain.cohort import CohortCycle, cycle_of
from shared.errors import RefuseToStart
from shared.runtime.access import Access
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.settings import Runtime, Settings, command_environment, read_access, read_kafka, read_runtime


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    web_host: str
    web_port: int
    cycle: CohortCycle
    settle: timedelta  # quiet time after which a delivery is judged
    upstream_key: bytes  # authorises deliveries
    office_key: bytes | None  # opens the API for the office's board; None: there is none
    upload_limit: int  # bytes of one request
    font_folder: Path
    extra_fonts: tuple[Path, ...]
    desk: DeskConfig


@dataclass(frozen=True)
class DeskConfig:
    """The pages for people: a server of its own, for the intake is for upstream and the office."""

    port: int
    url: str  # as people see them; https makes the session cookie Secure
    access: Access
    secret: bytes  # of confirmation links and of what limits are counted by
    ops_url: str | None  # the office's pages, for links in the letters to a desk
    recovery_days: int  # until the new address of a holder who has lost the mailbox takes effect


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, naming the setting, for a missing or invalid one."""
    settings = Settings(environment)
    runtime = read_runtime("registration", settings, "REGISTRATION_URL")
    return Config(
        runtime=runtime,
        web_host=settings.text("WEB_HOST", "127.0.0.1"),
        web_port=settings.port("WEB_PORT"),
        cycle=settings.read(
            "COHORT", "the year in which the cohort's periods begin: 2026", partial(cycle_of, runtime.programme)
        ),
        settle=timedelta(seconds=settings.seconds("SETTLE_SECONDS", 60.0)),
        upstream_key=settings.secret("UPSTREAM_KEY_FILE"),
        office_key=settings.if_given("OFFICE_KEY_FILE", settings.secret),
        upload_limit=settings.whole("UPLOAD_LIMIT_BYTES", 64 * 2**20, least=1024),
        font_folder=settings.folder("FONT_FOLDER"),
        extra_fonts=settings.files("EXTRA_FONTS"),
        desk=DeskConfig(
            port=settings.port("DESK_PORT"),
            url=settings.site("DESK_URL"),
            access=read_access(settings, "DESK_URL"),
            secret=settings.secret("DESK_SECRET_FILE"),
            ops_url=settings.if_given("OPS_URL", settings.site),
            recovery_days=settings.whole("RECOVERY_DAYS", 7, least=1, most=60),
        ),
    )


@dataclass(frozen=True)
class Upstream:
    """Where records are delivered. By default the local stack."""

    url: str
    key_file: Path
    kafka: KafkaAccess

    def key(self) -> str:
        """RefuseToStart if the file can't be read."""
        try:
            return self.key_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise RefuseToStart(f"setting UPSTREAM_KEY_FILE: {error}; expected the file with the API key") from error


def read_upstream(environment: Mapping[str, str]) -> Upstream:
    """RefuseToStart, naming the setting, for an impossible one."""
    settings = Settings(command_environment("registration", environment))
    return Upstream(
        url=settings.site("REGISTRATION_URL"),
        key_file=Path(settings.text("UPSTREAM_KEY_FILE")),
        kafka=read_kafka(settings),
    )
