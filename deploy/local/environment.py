"""A local stack's folder and ports, and the settings of each of its processes. Pure: reads no file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from shared.errors import RefuseToStart
from shared.topics import SERVICES

REPOSITORY = Path(__file__).resolve().parents[2]

PORT_BASE = 8600
"""AKASHI_PORT_BASE unless it is set."""

OFFSETS: Mapping[str, int] = {
    "registration": 1,
    "wallet": 2,
    "verifier": 3,
    "ops": 4,
    "inbox": 5,
    "smtp": 6,
    "s3": 7,
    "chain": 8,
    "kafka": 9,
    "kafka controller": 10,
    "postgres": 11,
    "desk": 12,
    "bounces": 13,
    **{f"{service} metrics": 21 + number for number, service in enumerate(SERVICES)},
}
"""Each port as its distance from the port base. Two stacks whose bases differ by 50 share no port."""

CHAIN_ID = 31337
BUCKET = "akashi"
DATABASE = "akashi"

_HOST = "127.0.0.1"
_LONGEST_SOCKET_FOLDER = 80  # bytes; of the 104 of a socket's path on macOS, 108 on Linux
_PASSED_ON = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "LD_LIBRARY_PATH")

_DEMO_SPEEDS = {
    "SETTLE_SECONDS": "2",
    "BATCH_AGE_SECONDS": "3",
    "BATCH_SIZE": "500",
    "TICK_SECONDS": "0.5",
    "STATEMENT_PAUSE_SECONDS": "20",
}
"""Seconds where production has minutes or hours."""


@dataclass(frozen=True)
class Place:
    """A stack's folder and port base: everything of it is in this folder or on these ports."""

    home: Path
    port_base: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Place:
        """AKASHI_HOME (`var` in the repository) and AKASHI_PORT_BASE (8600). RefuseToStart when one is impossible."""
        home = Path(environment.get("AKASHI_HOME") or REPOSITORY / "var").expanduser().absolute()
        raw = environment.get("AKASHI_PORT_BASE", "").strip() or str(PORT_BASE)
        highest = 65535 - max(OFFSETS.values())
        if not raw.isascii() or not raw.isdigit() or not 1024 <= int(raw) <= highest:
            raise RefuseToStart(
                f"setting AKASHI_PORT_BASE: got {raw!r}, expected a whole number from 1024 to {highest}"
            )
        return cls(home, int(raw))

    def port(self, name: str) -> int:
        return self.port_base + OFFSETS[name]

    def address(self, name: str) -> str:
        return f"{_HOST}:{self.port(name)}"

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    def password_file(self, role: str) -> Path:
        """libpq's passfile with the password of one role of PostgreSQL."""
        return self.passwords / f"{role}.pgpass"

    @property
    def passwords(self) -> Path:
        """Those of the database. No backup has them: another cluster gets those of the home in which it starts."""
        return self.home / "passwords"

    @property
    def supervisor_socket(self) -> Path:
        """The supervisor's Unix socket. In a folder below /tmp where the home's path is too long for one."""
        folder = self.run
        if len(os.fsencode(folder)) > _LONGEST_SOCKET_FOLDER:
            folder = Path("/tmp") / f"akashi-{sha256(os.fsencode(self.home)).hexdigest()[:16]}"
        return folder / "supervisor.sock"

    @property
    def logs(self) -> Path:
        return self.home / "log"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def temporary(self) -> Path:
        """TMPDIR of all processes. Emptied at each start, since a killed process leaves its temporary files."""
        return self.home / "tmp"

    @property
    def inbox(self) -> Path:
        """The folder in which MailDev keeps the letters, one .eml each."""
        return self.home / "inbox"

    @property
    def networks_file(self) -> Path:
        """The chains on which roots stand. Written when the contract is deployed, kept afterwards: it may be edited."""
        return self.home / "networks.toml"

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each part and service that has one. Those that holders see by a host name."""
        return {
            "registration": f"http://{self.address('registration')}",
            "wallet": f"http://localhost:{self.port('wallet')}",
            "verifier": f"http://localhost:{self.port('verifier')}",
            "ops": f"http://{self.address('ops')}",
            "desk": f"http://localhost:{self.port('desk')}",
            "inbox": f"http://{self.address('inbox')}",
            "chain": f"http://{self.address('chain')}",
            "s3": f"http://{self.address('s3')}",
        }


def own_environment(place: Place, inherited: Mapping[str, str]) -> dict[str, str]:
    """Environment of every process of the stack: few of the caller's variables, and two that identify the stack."""
    kept = {name: inherited[name] for name in _PASSED_ON if name in inherited}
    mark = {"AKASHI_HOME": str(place.home), "AKASHI_PORT_BASE": str(place.port_base)}
    return {**kept, "TMPDIR": str(place.temporary), **mark}


def database_url(place: Place, role: str, database: str = DATABASE) -> str:
    """The password is in a file: libpq reads it, and refuses one that others can read."""
    return (
        f"postgresql://{role}@{place.address('postgres')}/{database}?passfile={quote(str(place.password_file(role)))}"
    )


def service_settings(place: Place, service: str, *, cohort: str, clock: str) -> dict[str, str]:
    """The settings of one service; `clock` is AKASHI_CLOCK, "" for the real time."""
    settings = {
        "DATABASE_URL": database_url(place, service),
        "KAFKA_BOOTSTRAP": place.address("kafka"),
        "METRICS_PORT": str(place.port(f"{service} metrics")),
        "PROGRAMME_FILE": str(REPOSITORY / "deploy" / "programmes" / "jci.toml"),
        "FONT_FOLDER": str(REPOSITORY / "node_modules" / "@expo-google-fonts"),
        "LOG_FORMAT": "json",
        "WEB_HOST": _HOST,
        "PUBLIC_URL": place.urls["verifier"],
        "WALLET_URL": place.urls["wallet"],
        "ETH_HASH_BACKEND": "pysha3",  # with coincurve, signing is eleven times faster than in pure Python
        "READINESS_KEY_FILE": str(place.secrets / "readiness.key"),
        "PYTHONUNBUFFERED": "1",
        **_DEMO_SPEEDS,
        **_of_service(place, service, cohort),
    }
    return {**settings, "AKASHI_CLOCK": clock} if clock else settings


def _of_service(place: Place, service: str, cohort: str) -> dict[str, str]:
    secrets = place.secrets
    storage = {
        "S3_ENDPOINT": place.urls["s3"],
        "S3_BUCKET": BUCKET,
        "S3_CREDENTIALS_FILE": str(secrets / "s3-credentials"),
    }
    chain = {"NETWORKS_FILE": str(place.networks_file)}
    links = {"LINK_SECRET_FILE": str(secrets / "link.secret")}
    web = {"WEB_PORT": str(place.port(service))} if service in OFFSETS else {}
    match service:
        case "registration":
            return {
                **web,
                "COHORT": cohort,
                "UPSTREAM_KEY_FILE": str(secrets / "upstream.key"),
                "DESK_PORT": str(place.port("desk")),
                "DESK_URL": place.urls["desk"],
                "DESK_SECRET_FILE": str(secrets / "desk.secret"),
                "OPS_URL": place.urls["ops"],
                "OFFICE_KEY_FILE": str(secrets / "office.key"),
            }
        case "issuer":
            return {
                **storage,
                "ISSUER_KEY_FILE": str(secrets / "issuer.pem"),
                "ID_SECRET_FILE": str(secrets / "id.secret"),
                "CHAIN_PUBLIC_KEY_FILE": str(secrets / "chain-public.jwk"),
            }
        case "anchor":
            return {
                **storage,
                **chain,
                "CHAIN_KEYSTORE_FILE": str(secrets / "chain-keystore.json"),
                "CHAIN_PASSWORD_FILE": str(secrets / "chain.password"),
                "CHAIN_PUBLIC_KEY_FILE": str(secrets / "chain-public.jwk"),
                "ANCHOR_ON": "receipt",
                "CHAIN_POLL_SECONDS": "0.5",
            }
        case "renderer":
            return storage
        case "mailer":
            return {
                **links,
                "SMTP_HOST": _HOST,
                "SMTP_PORT": str(place.port("smtp")),
                "BOUNCE_PORT": str(place.port("bounces")),
                "DNS_SERVERS": "none",
            }
        case "wallet":
            return {
                **web,
                **storage,
                **links,
                "DESK_URL": place.urls["desk"],
                "PAPER_KEY_FILE": str(secrets / "paper.key"),
            }
        case "verifier":
            return {**web, **storage, **chain}
        case "ops":
            metrics = (f"{name}=http://{place.address(f'{name} metrics')}/metrics" for name in SERVICES)
            return {
                **web,
                "REGISTRATION_URL": place.urls["registration"],
                "OPS_KEY_FILE": str(secrets / "ops.key"),
                "OFFICE_KEY_FILE": str(secrets / "office.key"),
                "UPSTREAM_KEY_FILE": str(secrets / "upstream.key"),
                "INBOX_URL": place.urls["inbox"],
                "METRICS_URLS": ",".join(metrics),
                "PUBLIC_PAGES": ",".join(place.urls[name] for name in ("verifier", "wallet", "desk")),
                "DISKS": str(place.home),
            }
    raise ValueError(f"service: got {service!r}, expected one of {', '.join(SERVICES)}")
