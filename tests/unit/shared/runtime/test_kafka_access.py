"""How the clients of Kafka show who they are, `shared/runtime/kafka_access.py`: what the settings give and refuse."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from shared.errors import RefuseToStart
from shared.runtime.settings import Settings, read_kafka
from tests.worlds.secure_kafka import Authority

AT = "broker1:9092,broker2:9092"


@pytest.fixture
def secured(tmp_path: Path) -> dict[str, str]:
    password = tmp_path / "password"
    password.write_text("secret words\n")
    return {
        "KAFKA_BOOTSTRAP": AT,
        "KAFKA_SECURITY": "SASL_SSL",
        "KAFKA_CA_FILE": str(Authority(tmp_path).file),
        "KAFKA_USER": "issuer",
        "KAFKA_PASSWORD_FILE": str(password),
    }


def test_without_further_settings_nothing_is_encrypted() -> None:
    access = read_kafka(Settings({"KAFKA_BOOTSTRAP": AT}))
    assert access.client == {"bootstrap_servers": AT.split(",")} and str(access) == AT
    assert access.reader == {"broker": "aiokafka://broker1:9092;aiokafka://broker2:9092"}


def test_a_login_goes_to_both_kinds_of_clients_with_the_hosts_name_checked(secured: dict[str, str]) -> None:
    access = read_kafka(Settings(secured))
    client, credentials = access.client, access.reader["broker_credentials"]
    assert (client["security_protocol"], client["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (client["sasl_plain_username"], client["sasl_plain_password"]) == ("issuer", "secret words")
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (credentials.username, credentials.password) == ("issuer", "secret words")
    for context in (client["ssl_context"], credentials.ssl_context):
        assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED
    assert "secret words" not in repr(access)


def test_a_certificate_of_the_client_needs_no_login(secured: dict[str, str], tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("client")
    files = {"KAFKA_CERTIFICATE_FILE": str(certificate), "KAFKA_KEY_FILE": str(key)}
    access = read_kafka(Settings({**secured, **files, "KAFKA_SECURITY": "SSL"}))
    assert access.client["security_protocol"] == "SSL" and "sasl_mechanism" not in access.client
    assert access.reader["broker_credentials"].protocol.value == "SSL"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"KAFKA_SECURITY": "SASL_PLAINTEXT"}, "KAFKA_SECURITY"),
        ({"KAFKA_SECURITY": "ssl"}, "KAFKA_SECURITY"),
        ({"KAFKA_CA_FILE": "/no/such/file"}, "KAFKA_CA_FILE"),
        ({"KAFKA_CA_FILE": __file__}, "KAFKA_CA_FILE"),
        ({"KAFKA_USER": ""}, "KAFKA_USER"),
        ({"KAFKA_PASSWORD_FILE": "/dev/null"}, "KAFKA_PASSWORD_FILE"),
        ({"KAFKA_PASSWORD_FILE": ""}, "KAFKA_PASSWORD_FILE"),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM"),
        ({"KAFKA_CERTIFICATE_FILE": __file__}, "KAFKA_KEY_FILE"),
        ({"KAFKA_CERTIFICATE_FILE": __file__, "KAFKA_KEY_FILE": __file__}, "KAFKA_KEY_FILE"),
    ],
)
def test_an_impossible_setting_is_named(secured: dict[str, str], wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(RefuseToStart, match=f"setting {named}:"):
        read_kafka(Settings({**secured, **wrong}))


def test_a_key_that_is_locked_is_refused_without_asking_for_its_password(
    secured: dict[str, str], tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives import serialization

    certificate, key = Authority(tmp_path).issue("client")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"words"),
        )
    )
    files = {"KAFKA_CERTIFICATE_FILE": str(certificate), "KAFKA_KEY_FILE": str(key)}
    with pytest.raises(RefuseToStart, match="setting KAFKA_KEY_FILE:"):
        read_kafka(Settings({**secured, **files}))
