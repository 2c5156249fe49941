"""A Kafka node as in production: TLS with a certificate of its own authority, users with passwords (SCRAM).

Each user may do what deploy/kafka_acls.py grants and nothing else.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.kafka_acls import USERS
from deploy.local.parts import kafka_node
from deploy.local.ports import free_port

USER, PASSWORD = "akashi", "a-password-of-the-test"
"""The administrator, who may do all; the other users have the same password."""


class Authority:
    """Signs certificates for 127.0.0.1 and localhost, and for clients."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority in {folder.name}")])
        self.file = folder / "ca.pem"
        certificate = self._signed(self._name, self._key, is_authority=True)
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Files of a certificate and its key, PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key)
        files = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        files[1].chmod(0o600)
        return files

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        hosts = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        return (
            x509.CertificateBuilder(self._name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=7))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .sign(self._key, hashes.SHA256())
        )


@dataclass(frozen=True)
class SecureKafka:
    """Two listeners: `scram` asks for a password over TLS, `mutual` for a certificate of the authority."""

    scram: str
    mutual: str
    authority: Authority
    password_file: Path

    def settings(self, user: str = USER) -> dict[str, str]:
        """Of a service that signs in by password."""
        return {
            "KAFKA_BOOTSTRAP": self.scram,
            "KAFKA_SECURITY": "SASL_SSL",
            "KAFKA_CA_FILE": str(self.authority.file),
            "KAFKA_USER": user,
            "KAFKA_PASSWORD_FILE": str(self.password_file),
        }

    def by_certificate(self) -> dict[str, str]:
        certificate, key = self.authority.issue("client")
        return {
            "KAFKA_BOOTSTRAP": self.mutual,
            "KAFKA_SECURITY": "SSL",
            "KAFKA_CA_FILE": str(self.authority.file),
            "KAFKA_CERTIFICATE_FILE": str(certificate),
            "KAFKA_KEY_FILE": str(key),
        }


_SECURITY = """
listeners=BROKER://127.0.0.1:{broker},SCRAM://127.0.0.1:{scram},MUTUAL://127.0.0.1:{mutual},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=BROKER://127.0.0.1:{broker},SCRAM://127.0.0.1:{scram},MUTUAL://127.0.0.1:{mutual}
listener.security.protocol.map=BROKER:PLAINTEXT,SCRAM:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.mutual.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{user};User:CN=client;User:ANONYMOUS
"""


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Ready when its port takes connections; ended and waited for at the end."""
    authority = Authority(folder)
    certificate, key = authority.issue("broker")
    keystore = folder / "broker.keystore.pem"
    keystore.write_bytes(key.read_bytes() + certificate.read_bytes())
    password = folder / "password"
    password.write_text(PASSWORD + "\n")
    broker, controller, scram, mutual = (free_port() for _ in range(4))
    plain = kafka_node._settings(broker, controller, folder / "log")
    dropped = ("listeners=", "advertised.listeners=", "listener.security.protocol.map=")
    kept = [line for line in plain.splitlines() if not line.startswith(dropped)]
    settings = folder / "server.properties"
    security = _SECURITY.format(
        broker=broker,
        controller=controller,
        scram=scram,
        mutual=mutual,
        keystore=keystore,
        authority=authority.file,
        user=USER,
    )
    settings.write_text("\n".join(kept) + security)
    users = [f"SCRAM-SHA-512=[name={user},password={PASSWORD}]" for user in (USER, *USERS)]
    added = [argument for user in users for argument in ("--add-scram", user)]
    kafka_node.format_folder(settings, "-2VjdXJlLWthZmthLTEyMw", *added)  # one of 64 ids drawn begins so
    with (folder / "kafka.log").open("wb") as log:
        node = subprocess.Popen([*kafka_node._java(), "kafka.Kafka", str(settings)], stdout=log, stderr=log)
        try:
            kafka_node._wait_for(mutual, node)
            yield SecureKafka(f"127.0.0.1:{scram}", f"127.0.0.1:{mutual}", authority, password)
        finally:
            node.kill()
            node.wait(60)
