"""Settings of the service ops, and the URL at which its commands find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shared.runtime.settings import Runtime, Settings, command_environment, read_runtime
from shared.topics import MOST_PARTITIONS, PARTITIONS, SERVICES


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
    api_key: bytes  # opens the API: the commands'
    office_key: bytes | None  # with it ops asks registration for what no event holds; None: it doesn't
    upstream_key: bytes | None = None  # with it the office hands in files on the board; None: it can't
    pages: tuple[str, ...] = ()  # public URLs that a rehearsal opens
    disks: tuple[Path, ...] = ()  # folders whose disks a rehearsal looks at
    backups: Path | None = None  # the folder of backups, of which a rehearsal wants a new one
    partitions: int = PARTITIONS  # of each topic, which a rehearsal looks for


def read_config(environment: Mapping[str, str]) -> Config:
    settings = Settings(environment)
    return Config(
        runtime=read_runtime("ops", settings, "OPS_URL"),
        web_host=settings.text("WEB_HOST", "127.0.0.1"),
        web_port=settings.port("WEB_PORT"),
        links=Links(
            registration=settings.if_given("REGISTRATION_URL", settings.site),
            verifier=settings.if_given("PUBLIC_URL", settings.site),
            inbox=settings.if_given("INBOX_URL", settings.url),
        ),
        api_key=settings.secret("OPS_KEY_FILE"),
        office_key=settings.if_given("OFFICE_KEY_FILE", settings.secret),
        upstream_key=settings.if_given("UPSTREAM_KEY_FILE", settings.secret),
        metrics_urls=settings.read("METRICS_URLS", "issuer=http://…/metrics,mailer=…", _metrics_urls, {}),
        pages=settings.read("PUBLIC_PAGES", "URLs with commas: https://a.example.jp,https://b.example.jp", _pages, ()),
        disks=settings.read("DISKS", "folders with commas", lambda raw: tuple(map(Path, _parts(raw))), ()),
        partitions=settings.whole("TOPIC_PARTITIONS", PARTITIONS, least=1, most=MOST_PARTITIONS),
        backups=Path(settings.text("BACKUP_FOLDER")) if settings.text("BACKUP_FOLDER", "") else None,
    )


def _metrics_urls(raw: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for part in raw.split(","):
        service, _, url = part.strip().partition("=")
        if service not in SERVICES or not url.startswith(("http://", "https://")):
            raise ValueError(f"{part.strip()!r} is no service=URL")
        found[service] = (*found.get(service, ()), url)
    return found


def _parts(raw: str) -> list[str]:
    return [part.strip() for part in raw.split(",") if part.strip()]


def _pages(raw: str) -> tuple[str, ...]:
    for url in (found := _parts(raw)):
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(f"{url!r} is no URL")
    return tuple(found)


@dataclass(frozen=True)
class Board:
    """Where the commands find ops, and the key that opens its API; "" while there is no such file."""

    url: str
    key: str


def board_of(environment: Mapping[str, str]) -> Board:
    """OPS_URL and the key in OPS_KEY_FILE, or those of the local stack, which may never have run."""
    settings = Settings(command_environment("ops", environment))
    try:
        key = Path(settings.text("OPS_KEY_FILE", "")).read_text(encoding="utf-8").strip()
    except OSError:
        key = ""
    return Board(settings.site("OPS_URL"), key)


def wallet_access(environment: Mapping[str, str]) -> tuple[str, str]:
    """WALLET_URL and the key in PAPER_KEY_FILE, or those of the local stack: for what only the wallet has."""
    settings = Settings(command_environment("ops", environment))
    return settings.site("WALLET_URL"), settings.secret("PAPER_KEY_FILE").decode()
