"""The cluster's certificates say who somebody is, and only their own authority vouches for them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from rig.cluster.credentials import write_credentials
from rig.cluster.pki import Authority, Pair


def read(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def test_a_client_is_a_user_and_a_group() -> None:
    pair = Authority("authority").client("system:node:lab", "system:nodes")
    assert read(pair).subject.rfc4514_string() == "O=system:nodes,CN=system:node:lab"


def test_a_server_has_names_and_addresses() -> None:
    certificate = read(Authority("authority").server("server", ["localhost", "198.18.0.1"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["198.18.0.1"]


def test_an_authority_vouches_for_its_own_alone() -> None:
    ours, theirs = Authority("authority"), Authority("authority")
    certificate = read(ours.client("somebody"))

    certificate.verify_directly_issued_by(read(ours.pair))
    with pytest.raises(InvalidSignature):
        certificate.verify_directly_issued_by(read(theirs.pair))


def test_a_cluster_keeps_its_keys_to_itself_and_tells_the_host_its_port(tmp_path: Path) -> None:
    for name in ("pki", "config"):
        (tmp_path / name).mkdir()

    write_credentials(tmp_path, 12345)

    secrets = [*tmp_path.glob("pki/*.key"), *tmp_path.glob("config/*.kubeconfig"), tmp_path / "kubeconfig"]
    assert len(secrets) == 14
    assert {secret.stat().st_mode & 0o777 for secret in secrets} == {0o600}
    told = yaml.safe_load((tmp_path / "kubeconfig").read_text())
    assert told["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:12345"
