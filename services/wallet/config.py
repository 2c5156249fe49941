"""The wallet's settings. The only reader of its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.runtime.settings import ObjectStorageSettings, Runtime, Settings, read_object_storage, read_runtime


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    objects: ObjectStorageSettings
    web_host: str
    web_port: int
    wallet_url: str  # what people see; https makes the session cookie Secure
    public_url: str  # the verifier's: what the QR holds
    link_secret: bytes
    session_seconds: float
    receive_link_days: int
    mail_link_hours: float
    reset_link_hours: float
    desk_url: str | None = None  # the address screen, for holders who have lost the mailbox; None: they ask a desk
    paper_key: bytes | None = None  # of the office's requests about orders of paper; None: there are none


def read_config(environment: Mapping[str, str]) -> Config:
    """RefuseToStart, with the setting's name, for a missing or impossible one."""
    settings = Settings(environment)
    return Config(
        runtime=read_runtime("wallet", settings, "WALLET_URL"),
        objects=read_object_storage(settings),
        web_host=settings.text("WEB_HOST", "127.0.0.1"),
        web_port=settings.port("WEB_PORT"),
        wallet_url=settings.site("WALLET_URL"),
        public_url=settings.site("PUBLIC_URL"),
        link_secret=settings.secret("LINK_SECRET_FILE"),
        session_seconds=settings.seconds("SESSION_SECONDS", 86400.0),
        receive_link_days=settings.whole("RECEIVE_LINK_DAYS", 90, least=1, most=3660),
        mail_link_hours=settings.hours("MAIL_LINK_HOURS", 24.0),
        reset_link_hours=settings.hours("RESET_LINK_HOURS", 2.0),
        desk_url=settings.if_given("DESK_URL", settings.site),
        paper_key=settings.if_given("PAPER_KEY_FILE", settings.secret),
    )
