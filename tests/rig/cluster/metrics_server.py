"""A server behind the aggregation layer, as small as one can be: one external metric whose value a test sets.

https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/ : a caller is believed only with a
certificate of the front proxy's authority, and says in headers on whose behalf it asks.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

from rig.cluster.kube import Object
from rig.cluster.pki import Pair

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
_ROOT = f"/apis/{GROUP}/{VERSION}"


class MetricsServer:
    """Serves `value` for every metric asked for, or the HTTP status `broken`; a context manager.

    `asked` are the questions (on whose behalf, namespace, metric), `turned_away` is why connections were (OpenSSL's
    words for it).
    """

    def __init__(self, listener: socket.socket, pair: Pair, callers: bytes, names: set[str], folder: Path) -> None:
        self.value = 1.0
        self.broken: int | None = None
        self.asked: set[tuple[str, str, str]] = set()
        self.turned_away: list[str] = []
        self._names = names  # of certificates that are a front proxy's
        pair.write(folder, "metrics-server")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "metrics-server.crt", folder / "metrics-server.key")
        context.load_verify_locations(cadata=callers.decode())
        context.verify_mode = ssl.CERT_REQUIRED
        server = _Server(self.turned_away, self._handler())
        # Handshakes are the connections' own threads' work: one caller without a certificate holds nobody up.
        server.socket = context.wrap_socket(listener, server_side=True, do_handshake_on_connect=False)
        self._server = server
        self._thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="metrics-server")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, user: str) -> tuple[int, Object]:
        """The status and body for one request on behalf of `user`."""
        if path.rstrip("/") == _ROOT:
            kind = {"name": "any", "namespaced": True, "kind": "ExternalMetricValueList", "verbs": ["get"]}
            return 200, {"kind": "APIResourceList", "groupVersion": f"{GROUP}/{VERSION}", "resources": [kind]}
        found = re.match(rf"{_ROOT}/namespaces/([^/?]+)/([^/?]+)", path)
        if found is None:
            return 404, _status(404, "no such path")
        namespace, metric = found.groups()
        self.asked.add((user, namespace, metric))
        if self.broken is not None:
            return self.broken, _status(self.broken, "the metric is not known")
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        item: Object = {
            "metricName": metric,
            "metricLabels": {},
            "timestamp": now,
            "value": f"{self.value * 1000:.0f}m",
        }
        return 200, {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/{VERSION}", "items": [item]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                caller = self.connection.getpeercert()
                names = {value for part in caller["subject"] for key, value in part if key == "commonName"}
                if names & server._names:
                    status, body = server.answer(self.path, self.headers.get("X-Remote-User", ""))
                else:
                    status, body = 401, _status(401, f"{names} is no front proxy")
                encoded = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                self.wfile.write(encoded)

            def log_message(self, *_: object) -> None:
                """What matters is asserted."""

        return Handler


class _Server(ThreadingHTTPServer):
    """One that is given its socket afterwards, and notes whom it turned away instead of printing it."""

    def __init__(self, turned_away: list[str], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("", 0), handler, bind_and_activate=False)
        self.socket.close()
        self._turned_away = turned_away

    def handle_error(self, request: Any, client_address: object) -> None:
        error = sys.exception()
        if isinstance(error, ssl.SSLError):
            self._turned_away.append(error.reason)
        elif not isinstance(error, ConnectionError):  # a caller that went away
            super().handle_error(request, client_address)


def _status(code: int, message: str) -> Object:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
