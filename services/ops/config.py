"""Settings of the service ops, and the URL at which its commands find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.runtime.settings import Runtime, Settings, command_environment, read_runtime
from shared.topics import SERVICES


@dataclass(frozen=True)
class Links:
    """Links from the board to other services; None: the link is left out."""

    registration: str | None
    verifier: str | None
    inbox: str | None


@dataclass(frozen=True)
class Config:
    runtime: Runtime
    web_host: str
    web_port: int
    links: Links
    metrics_urls: Mapping[str, tuple[str, ...]]  # of each service its endpoints, one a replica


def read_config(environment: Mapping[str, str]) -> Config:
    settings = Settings(environment)
    return Config(
        runtime=read_runtime("ops", settings, "OPS_URL"),
        web_host=settings.text("WEB_HOST", "127.0.0.1"),
        web_port=settings.port("WEB_PORT"),
        links=Links(
            registration=_optional_url(settings, "REGISTRATION_URL"),
            verifier=_optional_url(settings, "PUBLIC_URL"),
            inbox=_optional_url(settings, "INBOX_URL"),
        ),
        metrics_urls=settings.read("METRICS_URLS", "issuer=http://…/metrics,mailer=…", _metrics_urls, {}),
    )


def _metrics_urls(raw: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for part in raw.split(","):
        service, _, url = part.strip().partition("=")
        if service not in SERVICES or not url.startswith(("http://", "https://")):
            raise ValueError(f"{part.strip()!r} is no service=URL")
        found[service] = (*found.get(service, ()), url)
    return found


def _optional_url(settings: Settings, name: str) -> str | None:
    if not settings.text(name, ""):
        return None
    return settings.url(name)


def ops_url(environment: Mapping[str, str]) -> str:
    """OPS_URL, or ops of the local stack."""
    return Settings(command_environment("ops", environment)).url("OPS_URL")


def wallet_access(environment: Mapping[str, str]) -> tuple[str, str]:
    """WALLET_URL and the key in PAPER_KEY_FILE, or those of the local stack: for what only the wallet has."""
    settings = Settings(command_environment("ops", environment))
    return settings.url("WALLET_URL"), settings.secret("PAPER_KEY_FILE").decode()
