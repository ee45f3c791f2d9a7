"""Certificates that are of no use are told before anything is asked of Kafka; no terminal is asked for a password."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from headrace.contract.errors import SettingsError
from headrace.runtime.kafka_access import KafkaAccess
from rig.certificates import Authority, Signed


@pytest.fixture
def authority() -> Authority:
    return Authority("ca")


@pytest.fixture
def ca(authority: Authority, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_text(authority.pem)
    return file


@pytest.fixture
def blue(authority: Authority, tmp_path: Path) -> Signed:
    return authority.sign("blue", tmp_path, file="blue")


def test_without_security_nothing_but_the_address_is_said() -> None:
    assert KafkaAccess("one:1").options() == {"bootstrap_servers": "one:1", "security_protocol": "PLAINTEXT"}


def test_a_user_signs_in_over_tls(ca: Path) -> None:
    options = KafkaAccess("one:1", "sasl_tls", ca, user="blue", password="hush").options()
    assert options.pop("ssl_context").check_hostname
    assert options == {
        "bootstrap_servers": "one:1",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "blue",
        "sasl_plain_password": "hush",
    }


def test_a_file_of_cas_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "text.pem"
    file.write_text("not a certificate")
    with pytest.raises(SettingsError, match=r"HEADRACE_KAFKA_CA_FILE: .*text.pem must be a file of PEM certificates"):
        KafkaAccess("one:1", "tls", file).options()


def test_a_key_that_is_not_the_certificates(authority: Authority, ca: Path, blue: Signed, tmp_path: Path) -> None:
    other = authority.sign("green", tmp_path, file="green")
    with pytest.raises(SettingsError, match=r"HEADRACE_KAFKA_CERT_FILE: .*blue.crt must be .*green.key.* its key"):
        KafkaAccess("one:1", "tls", ca, blue.certificate, other.key).options()


def test_a_key_that_is_encrypted(ca: Path, blue: Signed) -> None:
    key = serialization.load_pem_private_key(blue.key.read_bytes(), None)
    blue.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hush"),
        )
    )
    with pytest.raises(SettingsError, match="HEADRACE_KAFKA_KEY_FILE: the key is encrypted; give it unencrypted"):
        KafkaAccess("one:1", "tls", ca, blue.certificate, blue.key).options()
