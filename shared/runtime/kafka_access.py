"""Where Kafka is, and how its clients show who they are: settings, and what kafka-python and Faust are given.

Used by every process, and by the commands that speak to Kafka.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.runtime.settings import Settings

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_SSL")
"""Kafka's own words. A password is never sent without TLS, so there is no SASL_PLAINTEXT."""
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")


@dataclass(frozen=True)
class Login:
    """A user of the brokers' own, by SASL."""

    user: str
    password: str
    mechanism: str

    def __repr__(self) -> str:
        return f"Login({self.user!r}, {self.mechanism})"


@dataclass(frozen=True)
class KafkaAccess:
    """`tls` None: nothing is encrypted, and the brokers ask nobody who he is."""

    bootstrap: str  # host:port, several with commas
    tls: ssl.SSLContext | None = None
    login: Login | None = None

    def __str__(self) -> str:
        return self.bootstrap

    @property
    def client(self) -> dict[str, Any]:
        """The arguments of a client of kafka-python that say where and as whom."""
        if self.tls is None:
            return {"bootstrap_servers": self.bootstrap.split(",")}
        login = self.login
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "ssl_context": self.tls,
            "security_protocol": "SSL" if login is None else "SASL_SSL",
            **(
                {}
                if login is None
                else {
                    "sasl_mechanism": login.mechanism,
                    "sasl_plain_username": login.user,
                    "sasl_plain_password": login.password,
                }
            ),
        }

    @property
    def reader(self) -> dict[str, Any]:
        """The same for a Faust app."""
        import faust  # half a second, which commands don't spend

        broker = ";".join(f"aiokafka://{address}" for address in self.bootstrap.split(","))
        if self.tls is None:
            return {"broker": broker}
        login = self.login
        if login is None:
            return {"broker": broker, "broker_credentials": faust.SSLCredentials(self.tls)}
        credentials = faust.SASLCredentials(
            username=login.user, password=login.password, mechanism=login.mechanism, ssl_context=self.tls
        )
        return {"broker": broker, "broker_credentials": credentials}


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
