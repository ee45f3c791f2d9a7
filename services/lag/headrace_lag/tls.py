"""The serving certificate and the authority of client certificates, both taken up anew without a restart."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from headrace.contract.errors import SettingsError

_log = logging.getLogger(__name__)


class ServingTls:
    """A context for a listening socket that hands every new connection to the newest one.

    Raises SettingsError that names the file at fault. The `servername` callback is called for each handshake, with or
    without a name, before certificates are looked at: that is where OpenSSL lets a connection change its context.
    """

    def __init__(self, folder: Path, authority: str) -> None:
        self._folder = folder
        self._made_from = self._material(authority)
        self._newest = self._make(authority)
        self.context = self._make(authority)
        self.context.sni_callback = self._choose

    def refresh(self, authority: str) -> None:
        """Take up what has changed; blocking. What cannot be used is logged, and the one before stays."""
        try:
            found = self._material(authority)
            if found != self._made_from:
                self._newest = self._make(authority)
                self._made_from = found
                _log.info("a new serving certificate or client authority is in force")
        except SettingsError as error:
            _log.error("%s", error)

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._newest

    def _material(self, authority: str) -> tuple[bytes, bytes, str]:
        try:
            return (self._folder / "tls.crt").read_bytes(), (self._folder / "tls.key").read_bytes(), authority
        except OSError as error:
            raise SettingsError(f"HEADRACE_LAG_TLS: cannot read {error.filename}: {error.strerror}") from error

    def _make(self, authority: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_OPTIONAL  # whoever shows none gets an answer: 401
        context.num_tickets = 0  # a resumed session would bring its old verification with it
        context.options |= ssl.OP_NO_TICKET
        try:
            context.load_cert_chain(self._folder / "tls.crt", self._folder / "tls.key")
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"HEADRACE_LAG_TLS: {self._folder}/tls.crt and tls.key are no pair: {error}") from error
        try:
            context.load_verify_locations(cadata=authority)
        except (ssl.SSLError, ValueError) as error:
            raise SettingsError(f"the API server's requestheader-client-ca-file is no certificate: {error}") from error
        return context
