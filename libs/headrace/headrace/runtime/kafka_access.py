"""Where Kafka is and who we are there, as every client of the suite is told."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from headrace.contract.errors import SettingsError

Security = Literal["plaintext", "tls", "sasl_tls"]
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]

_PROTOCOLS: dict[Security, str] = {"plaintext": "PLAINTEXT", "tls": "SSL", "sasl_tls": "SASL_SSL"}


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Bootstrap servers, and how to come in there; the password never shows in a repr."""

    servers: str  # host:port[,host:port...]
    security: Security = "plaintext"
    ca_file: Path | None = None  # PEM; None: whom this machine trusts
    cert_file: Path | None = None  # PEM; with it a client shows who it is (mutual TLS)
    key_file: Path | None = None  # PEM, not encrypted
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """What every aiokafka client is given. Reads the certificates; raises SettingsError for one of no use."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": _PROTOCOLS[self.security],
        }
        if self.security != "plaintext":
            options["ssl_context"] = self._context()
        if self.security == "sasl_tls":
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return options

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise _unusable("CA_FILE", self.ca_file, "a file of PEM certificates", error) from error
        if self.cert_file is not None and self.key_file is not None:
            try:
                context.load_cert_chain(self.cert_file, self.key_file, password=_no_password)
            except OSError as error:
                what = f"a PEM certificate and {self.key_file} (HEADRACE_KAFKA_KEY_FILE) its key"
                raise _unusable("CERT_FILE", self.cert_file, what, error) from error
        return context


def _unusable(setting: str, file: Path | None, expected: str, error: OSError) -> SettingsError:
    found = error.strerror or str(error)
    return SettingsError(f"HEADRACE_KAFKA_{setting}: {file} must be {expected}, and cannot be used: {found}")


def _no_password() -> str:
    """OpenSSL would ask the terminal."""
    raise SettingsError("HEADRACE_KAFKA_KEY_FILE: the key is encrypted; give it unencrypted, as a file of a secret")
