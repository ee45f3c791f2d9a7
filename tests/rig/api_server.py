"""The few answers of a Kubernetes API server that the lag service asks for, over plain HTTP on 127.0.0.1.

The real one, with its aggregator, is asked in the cluster tests.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]  # Any: JSON

_FRONT_PROXY = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_APPS = "/apis/apps/v1/namespaces/"


class ApiServer:
    """A context manager; what it says can be changed at any time."""

    def __init__(self, authority: str, allowed_names: list[str], may: Callable[[Json], bool]) -> None:
        self.front_proxy = {
            "requestheader-client-ca-file": authority,
            "requestheader-allowed-names": json.dumps(allowed_names),
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-uid-headers": '["X-Remote-Uid"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        }
        self.may = may  # whether the spec of a SubjectAccessReview is allowed
        self.reviews: list[Json] = []
        self.deployments: dict[str, list[Json]] = {}  # by namespace
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="api-server")

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig that leads here."""
        server = f"http://127.0.0.1:{self._server.server_address[1]}"
        text = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": server}}],
            "users": [{"name": "me", "user": {"token": "token"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        }
        file = folder / "kubeconfig"
        file.write_text(json.dumps(text))
        return file

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str, sent: Json) -> Json | None:
        if path == _FRONT_PROXY:
            return {"kind": "ConfigMap", "apiVersion": "v1", "data": self.front_proxy}
        if path == _REVIEWS:
            self.reviews.append(sent["spec"])
            return {**sent, "status": {"allowed": self.may(sent["spec"])}}
        if path.startswith(_APPS):
            namespace, kind = path.removeprefix(_APPS).split("/")
            items = self.deployments.get(namespace, []) if kind == "deployments" else []
            return {"kind": "List", "apiVersion": "apps/v1", "metadata": {}, "items": items}
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say({})

            def do_POST(self) -> None:
                self._say(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _say(self, sent: Json) -> None:
                answer = outer._answer(self.path.partition("?")[0], sent)
                body = json.dumps(answer if answer is not None else {"kind": "Status", "code": 404}).encode()
                self.send_response(200 if answer is not None else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def deployment(pipeline: str, service: str, *, replicas: int, updated: int | None = None) -> Json:
    """A Deployment all of whose pods are ready; with `updated` fewer than it has, a rollout is under way."""
    labels = {"app.kubernetes.io/part-of": "headrace", "app.kubernetes.io/name": service}
    return {
        "metadata": {
            "name": f"{pipeline}-{service}",
            "generation": 2,
            "labels": {**labels, "headrace.dev/pipeline": pipeline},
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {}},
        "status": {
            "observedGeneration": 2,
            "replicas": replicas,
            "readyReplicas": replicas,
            "updatedReplicas": replicas if updated is None else updated,
        },
    }
