"""Certificates of one cluster: three authorities, and what they sign (https://kubernetes.io/docs/setup/best-practices/certificates/)."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = dt.timedelta(days=30)
_SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> None:
        """Write `<name>.crt` and `<name>.key`, which only this user may read."""
        (folder / f"{name}.crt").write_bytes(self.certificate)
        key = folder / f"{name}.key"
        key.touch(mode=0o600)
        key.write_bytes(self.key)


class Authority:
    """A certificate authority that lives as long as this object; `pair` is its own certificate and key."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=False, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        builder = (
            _builder(self._name, self._key)
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
        )
        self.pair = _pair(builder.sign(self._key, hashes.SHA256()), self._key)

    def client(self, user: str, group: str | None = None) -> Pair:
        """A client certificate: Kubernetes reads the user from its common name, the group from its organisation."""
        return self._sign(user, group, ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def server(self, name: str, places: Sequence[str]) -> Pair:
        """A server certificate for these DNS names and IP addresses."""
        return self._sign(name, None, ExtendedKeyUsageOID.SERVER_AUTH, places)

    def _sign(self, user: str, group: str | None, purpose: x509.ObjectIdentifier, places: Sequence[str]) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        if group is not None:
            names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        builder = (
            _builder(x509.Name(names), key)
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if places:
            builder = builder.add_extension(x509.SubjectAlternativeName([_place(p) for p in places]), critical=False)
        return _pair(builder.sign(self._key, hashes.SHA256()), key)


def new_key() -> Pair:
    """A key pair for signatures (service account tokens); its `certificate` is the bare public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Pair(public, _private(key))


def _builder(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
    )


def _place(place: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(place))
    except ValueError:
        return x509.DNSName(place)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), _private(key))


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
