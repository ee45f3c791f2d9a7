"""What tests do with a Kubernetes, this rig's or any other: apply, read, delete, wait."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient

Object = dict[str, Any]  # a Kubernetes object, as in a manifest

MANAGER = "headrace-tests"
_POLL_SECONDS = 0.1


class Refused(Exception):
    """The API server said no: `status` is the HTTP status, `reason` its word for it; the text is its message."""

    def __init__(self, error: ApiException) -> None:
        said = _said(error)
        self.status = int(error.status or 0)
        self.reason = str(said.get("reason", ""))
        super().__init__(said.get("message", str(error)))


class Kube:
    """A Kubernetes as the user of a kubeconfig; manifests are dicts, answers too. Every method may raise Refused."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._api = config.new_client_from_config(str(kubeconfig))
        self._found = tempfile.TemporaryDirectory(prefix="headrace-kube-")
        with _refusals():
            self._client = DynamicClient(self._api, cache_file=str(Path(self._found.name) / "resources"))

    def close(self) -> None:
        """Close its connections."""
        self._api.close()
        self._found.cleanup()

    @property
    def version(self) -> str:
        """The API server's version, such as v1.37.2."""
        return str(client.VersionApi(self._api).get_code().git_version)

    def apply(self, manifest: str | Object, namespace: str | None = None, *, dry_run: bool = False) -> list[Object]:
        """Apply the objects of a manifest (YAML text, or one object) on the server's side; returns them as they are."""
        objects = [manifest] if isinstance(manifest, dict) else [o for o in yaml.safe_load_all(manifest) if o]
        options = {"dry_run": "All"} if dry_run else {}
        applied = []
        for body in objects:
            resource = self._resource(body["apiVersion"], body["kind"])
            place = body["metadata"].get("namespace", namespace) if resource.namespaced else None
            with _refusals():
                answer = self._client.server_side_apply(
                    resource, body, namespace=place, field_manager=MANAGER, force_conflicts=True, **options
                )
            applied.append(answer.to_dict())
        return applied

    def create(self, body: Object, namespace: str | None = None) -> Object:
        """Create one object, which must not be there yet."""
        with _refusals():
            created = self._client.create(self._resource(body["apiVersion"], body["kind"]), body, namespace)
        return _plain(created)

    def find(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object, None where there is none; `kind` is `v1/Pod`, `apps/v1/Deployment` and so on."""
        try:
            return self.get(kind, name, namespace)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """The object; raises Refused (404) where there is none."""
        with _refusals():
            return _plain(self._client.get(self._resource(*_split(kind)), name, namespace))

    def list(self, kind: str, namespace: str | None = None, labels: str | None = None) -> list[Object]:
        """All objects of a kind, in one namespace or in all, that have these labels (`a=b,c=d`)."""
        with _refusals():
            answer = self._client.get(self._resource(*_split(kind)), namespace=namespace, label_selector=labels)
        items: list[Object] = _plain(answer)["items"]
        return items

    def patch(self, kind: str, name: str, body: Object, namespace: str | None = None, *, part: str = "") -> Object:
        """Merge `body` into the object, or into a part of it such as `status` (JSON merge patch)."""
        resource = self._resource(*_split(kind))
        with _refusals():
            return _plain(
                self._client.patch(
                    resource.subresources[part] if part else resource,
                    body,
                    name,
                    namespace,
                    content_type="application/merge-patch+json",
                )
            )

    def evict(self, pod: str, namespace: str) -> None:
        """Ask for the pod's eviction, as a node's drain does; Refused with status 429 while a budget forbids it."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
        with _refusals():
            self._resource("v1", "Pod").subresources["eviction"].create(body, pod, namespace)

    def delete(self, kind: str, name: str, namespace: str | None = None, *, grace: int | None = None) -> None:
        """Ask for the object's deletion, with `grace` seconds where given; one that is not there is no error."""
        try:
            with _refusals():
                self._client.delete(self._resource(*_split(kind)), name, namespace, grace_period_seconds=grace)
        except Refused as refused:
            if refused.status != 404:
                raise

    def post(self, path: str, body: str) -> str:
        """The answer's body to JSON that is sent to a path as it is: for very many small questions."""
        headers = {"Content-Type": "application/json"}
        pool, host = self._api.rest_client.pool_manager, self._api.configuration.host
        answer = pool.request("POST", host + path, body=body, headers=headers)
        assert answer.status == 201, answer.data
        return str(answer.data.decode())

    def logs(self, pod: str, namespace: str, container: str | None = None) -> str:
        """What a pod's container has printed."""
        with _refusals():
            return str(client.CoreV1Api(self._api).read_namespaced_pod_log(pod, namespace, container=container or ""))

    def _resource(self, api_version: str, kind: str) -> Any:
        with _refusals():
            return self._client.resources.get(api_version=api_version, kind=kind)


def wait_for(true: Callable[[], object], what: str, seconds: float = 60.0, *, every: float = _POLL_SECONDS) -> float:
    """Return once `true` answers something true, and after how many seconds; AssertionError when it takes too long.

    `every` is how many seconds pass between two questions: more for one that costs much to answer.
    """
    began = time.monotonic()
    while not true():
        if time.monotonic() > began + seconds:
            raise AssertionError(f"not after {seconds:.0f} s: {what}")
        time.sleep(every)
    return time.monotonic() - began


def condition(found: Object | None, kind: str) -> str:
    """The status of one of an object's conditions: True, False or Unknown; empty where it has none of that kind."""
    conditions = (found or {}).get("status", {}).get("conditions") or []
    return next((str(c["status"]) for c in conditions if c["type"] == kind), "")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        raise Refused(error) from error


def _said(error: ApiException) -> dict[str, Any]:
    try:
        said = json.loads(error.body or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _split(kind: str) -> tuple[str, str]:
    version, _, name = kind.rpartition("/")
    return version, name


def _plain(answer: Any) -> Object:
    plain: Object = answer.to_dict()
    return plain
