"""Reading settings, so that a service refuses to start on a bad one and names it. Used by each `config.py`."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from shared.clock import Clock, clock_from
from shared.errors import RefuseToStart
from shared.programme import Programme, parse_programme
from shared.runtime.access import MOST_CONNECTIONS, Access, allowed_hosts
from shared.runtime.kafka_access import MECHANISMS, PROTOCOLS, KafkaAccess, Login
from shared.runtime.tracing import TraceSettings

T = TypeVar("T")


class Settings:
    """Named settings of one process. Every reader either returns a good value or raises RefuseToStart with the name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def read(self, name: str, expected: str, parse: Callable[[str], T], default: T | None = None) -> T:
        raw = self._environment.get(name, "").strip()
        if not raw:
            if default is None:
                raise RefuseToStart(f"setting {name}: missing; expected {expected}")
            return default
        try:
            return parse(raw)
        except RefuseToStart:
            raise
        except (ValueError, TypeError, OSError) as error:
            raise RefuseToStart(f"setting {name}: got {raw!r}, expected {expected} ({error})") from error

    def if_given(self, name: str, read: Callable[[str], T]) -> T | None:
        """What another method reads under this name; None where nothing is given."""
        return read(name) if self.text(name, "") else None

    def text(self, name: str, default: str | None = None) -> str:
        return self.read(name, "a text", str, default)

    def choice(self, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        def parse(raw: str) -> str:
            if raw not in allowed:
                raise ValueError("not among them")
            return raw

        return self.read(name, " or ".join(allowed), parse, default)

    def whole(self, name: str, default: int | None = None, *, least: int = 0, most: int = 2**31) -> int:
        def parse(raw: str) -> int:
            number = int(raw)
            if not least <= number <= most:
                raise ValueError("out of range")
            return number

        return self.read(name, f"a whole number from {least} to {most}", parse, default)

    def seconds(self, name: str, default: float | None = None) -> float:
        return self._number(name, "seconds, not negative", sys.float_info.max, default)

    def fraction(self, name: str, default: float | None = None) -> float:
        return self._number(name, "a number from 0 to 1", 1, default)

    def hours(self, name: str, default: float | None = None) -> float:
        return self._number(name, "hours from 0 to 8784", 8784, default)

    def _number(self, name: str, expected: str, most: float, default: float | None) -> float:
        def parse(raw: str) -> float:
            number = float(raw)
            if not 0 <= number <= most:
                raise ValueError("out of range")
            return number

        return self.read(name, expected, parse, default)

    def port(self, name: str, default: int | None = None) -> int:
        """A TCP port; 0 takes any free one."""
        return self.whole(name, default, least=0, most=65535)

    def url(self, name: str, *, schemes: tuple[str, ...] = ("http", "https")) -> str:
        def parse(raw: str) -> str:
            parts = urlsplit(raw)
            if parts.scheme not in schemes or not parts.netloc:
                raise ValueError("not such a URL")
            return raw.rstrip("/")

        return self.read(name, f"a URL ({', '.join(schemes)})", parse)

    def site(self, name: str) -> str:
        """The URL of a web server of ours as people and programs see it: https://badges.example.jp.

        No path: pages link from the root, and that is where other programs look for what is under /.well-known/.
        """

        def parse(raw: str) -> str:
            parts = urlsplit(raw)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("not such a URL")
            if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
                raise ValueError("more than scheme, host and port")
            return f"{parts.scheme}://{parts.netloc}"

        return self.read(name, "a URL (http, https) of a host of its own, without a path", parse)

    def file(self, name: str) -> Path:
        """The path of a file that exists and can be read."""

        def parse(raw: str) -> Path:
            path = Path(raw)
            with path.open("rb"):
                return path

        return self.read(name, "the path of a readable file", parse)

    def files(self, name: str) -> tuple[Path, ...]:
        """Files separated by colons; none when the setting is not given."""

        def parse(raw: str) -> tuple[Path, ...]:
            paths = tuple(Path(each) for each in raw.split(":") if each)
            for path in paths:
                if not path.is_file():
                    raise ValueError(f"{path}: no such file")
            return paths

        return self.read(name, "files separated by colons", parse, ())

    def folder(self, name: str) -> Path:
        def parse(raw: str) -> Path:
            path = Path(raw)
            if not path.is_dir():
                raise ValueError("no such folder")
            return path

        return self.read(name, "the path of a folder", parse)

    def secret(self, name: str) -> bytes:
        """The content of a secret's file, without the newline at its end; at least 16 bytes."""
        content = self.file(name).read_bytes().strip()
        if len(content) < 16:
            raise RefuseToStart(f"setting {name}: the file holds {len(content)} bytes, expected at least 16")
        return content

    def password(self, name: str) -> str:
        """The content of a password's file, without the newline at its end."""
        content = self.file(name).read_text(encoding="utf-8").rstrip("\r\n")
        if not content:
            raise RefuseToStart(f"setting {name}: the file is empty, expected a password")
        return content

    def clock(self) -> Clock:
        return self.read("AKASHI_CLOCK", "2027-04-01T00:00:00+09:00, or nothing", clock_from, clock_from(None))

    def programme(self) -> Programme:
        path = self.file("PROGRAMME_FILE")
        try:
            return parse_programme(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RefuseToStart(f"setting PROGRAMME_FILE: {path}: {error}") from error


@dataclass(frozen=True)
class Runtime:
    """What every service process needs, whatever it does."""

    service: str
    database_url: str
    kafka: KafkaAccess
    metrics_host: str
    metrics_port: int
    clock: Clock
    programme: Programme
    tick_seconds: float
    log_format: str
    scrub_hours: float = 24.0
    access: Access = field(default_factory=Access)
    traces: TraceSettings | None = None  # None: no traces
    readiness_key: bytes | None = None  # opens /readiness; None: there is none
    certificates: tuple[Path, ...] = ()  # PEM files of Kafka and the database, whose ends are looked at


@dataclass(frozen=True)
class ObjectStorageSettings:
    """Where documents lie: any S3. `credentials_file` is an AWS credentials file with a [default] profile."""

    endpoint: str
    bucket: str
    credentials_file: Path


def command_environment(service: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: settings that are not set are those of the local stack, where one is installed.

    The stack gives them by an entry point of the group `akashi.settings`, so that no service knows its ports or files:
    a function of (service, environment). RefuseToStart when the stack's own settings are impossible.
    """
    completed = dict(environment)
    for point in entry_points(group="akashi.settings"):
        for name, value in point.load()(service, environment).items():
            if not completed.get(name, "").strip():
                completed[name] = value
    return completed


def read_runtime(service: str, settings: Settings, own_url: str | None = None) -> Runtime:
    """`own_url`: the setting with the URL under which people or programs reach this service's pages, if it is given."""
    return Runtime(
        service=service,
        database_url=settings.url("DATABASE_URL", schemes=("postgresql",)),
        kafka=read_kafka(settings),
        metrics_host=settings.text("METRICS_HOST", "127.0.0.1"),
        metrics_port=settings.port("METRICS_PORT", 0),
        clock=settings.clock(),
        programme=settings.programme(),
        tick_seconds=settings.seconds("TICK_SECONDS", 1.0),
        log_format=settings.choice("LOG_FORMAT", ("auto", "json", "pretty"), "auto"),
        scrub_hours=settings.hours("SCRUB_HOURS", 24.0),
        access=read_access(settings, own_url),
        traces=_traces(settings),
        readiness_key=settings.if_given("READINESS_KEY_FILE", settings.secret),
        certificates=_certificates(settings),
    )


def _certificates(settings: Settings) -> tuple[Path, ...]:
    """Of the authorities that we trust, and our own: as libpq's URL and the settings of Kafka name them."""
    of_database = dict(parse_qsl(urlsplit(settings.text("DATABASE_URL")).query))
    named = [of_database.get(name, "") for name in ("sslrootcert", "sslcert")]
    if settings.text("KAFKA_SECURITY", "PLAINTEXT") != "PLAINTEXT":
        named += [settings.text(name, "") for name in ("KAFKA_CA_FILE", "KAFKA_CERTIFICATE_FILE")]
    return tuple(dict.fromkeys(Path(each) for each in named if each and each != "system"))


def _traces(settings: Settings) -> TraceSettings | None:
    if not settings.text("TRACES_URL", ""):
        return None
    return TraceSettings(settings.url("TRACES_URL"), settings.fraction("TRACES_SHARE", 1.0))


def read_kafka(settings: Settings) -> KafkaAccess:
    """RefuseToStart, naming the setting, for an impossible one."""
    bootstrap = settings.text("KAFKA_BOOTSTRAP")
    protocol = settings.choice("KAFKA_SECURITY", PROTOCOLS, "PLAINTEXT")
    if protocol == "PLAINTEXT":
        return KafkaAccess(bootstrap)
    return KafkaAccess(bootstrap, _tls(settings), _login(settings) if protocol == "SASL_SSL" else None)


def _tls(settings: Settings) -> ssl.SSLContext:
    """The broker's certificate and host name are always checked."""
    context = ssl.create_default_context()
    if settings.text("KAFKA_CA_FILE", ""):
        file = settings.file("KAFKA_CA_FILE")
        context = settings.read(
            "KAFKA_CA_FILE",
            "certificates of authorities as PEM",
            lambda _: ssl.create_default_context(cafile=str(file)),
        )
    if settings.text("KAFKA_CERTIFICATE_FILE", ""):
        certificate = settings.file("KAFKA_CERTIFICATE_FILE")
        settings.file("KAFKA_KEY_FILE")

        def show(key: str) -> None:
            context.load_cert_chain(certificate, key, _no_password)

        settings.read("KAFKA_KEY_FILE", "the key of KAFKA_CERTIFICATE_FILE as PEM, without a password", show)
    return context


def _login(settings: Settings) -> Login:
    return Login(
        settings.text("KAFKA_USER"),
        settings.password("KAFKA_PASSWORD_FILE"),
        settings.choice("KAFKA_SASL_MECHANISM", MECHANISMS, MECHANISMS[0]),
    )


def _no_password() -> str:
    raise ValueError("it is locked by a password")


def read_access(settings: Settings, own_url: str | None) -> Access:
    """Of a server whose pages have the URL of the setting `own_url`; a process with two servers asks for each."""
    urls = [settings.site(own_url)] if own_url is not None and settings.text(own_url, "") else []
    return Access(
        hosts=settings.read(
            "ALLOWED_HOSTS",
            "hosts, host:port, addresses or networks with commas: intern.example.jp,10.0.0.0/8",
            lambda raw: allowed_hosts(urls, _listed(raw)),
            allowed_hosts(urls),
        ),
        proxies=settings.read(
            "TRUSTED_PROXIES",
            "addresses or networks with commas, such as 10.0.0.0/8,127.0.0.1",
            lambda raw: tuple(str(ip_network(part)) for part in _listed(raw)),
            (),
        ),
        most_connections=settings.whole("MOST_CONNECTIONS", MOST_CONNECTIONS, least=10),
    )


def _listed(raw: str) -> list[str]:
    return [part.strip() for part in raw.split(",")]


def read_object_storage(settings: Settings) -> ObjectStorageSettings:
    return ObjectStorageSettings(
        endpoint=settings.url("S3_ENDPOINT"),
        bucket=settings.text("S3_BUCKET"),
        credentials_file=settings.file("S3_CREDENTIALS_FILE"),
    )
