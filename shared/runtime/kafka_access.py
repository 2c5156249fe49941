"""Where Kafka is, and how its clients authenticate: what kafka-python and Faust are given.

Used by every process, and by the commands that connect to Kafka. Read from the settings by `settings.py`.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

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
    """`tls` None: nothing is encrypted, and the brokers authenticate nobody."""

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
