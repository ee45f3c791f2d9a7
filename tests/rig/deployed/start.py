"""Bringing the local overlay up, in an order in which nothing is refused, and waiting for it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rig.certificates import Authority
from rig.cluster.kube import Kube, Object, condition, wait_for
from rig.deployed.places import BACKING, SYSTEM, TENANT

_FIRST = ("Namespace", "PriorityClass", "ClusterRole", "ServiceAccount", "ConfigMap")
_UP_SECONDS = 300.0
_GONE_SECONDS = 180.0


def make_namespaces(kube: Kube, objects: Sequence[Object]) -> None:
    """Make the namespaces among the objects; one that another scenario has just deleted is waited for."""
    for found in objects:
        if found["kind"] == "Namespace":
            name = found["metadata"]["name"]
            wait_for(lambda n=name: not _ending(kube, n), f"{name} is gone or stays", _GONE_SECONDS)  # type: ignore[misc]
            kube.apply(found)


def serving_certificate(folder: Path) -> tuple[dict[str, str], Authority]:
    """What the lag service answers with, as the values of a Secret, and who signed it."""
    authority = Authority("lag")
    authority.sign("lag", folder, dns=[f"lag.{SYSTEM}.svc"])
    return {name: (folder / name).read_text() for name in ("tls.crt", "tls.key")}, authority


def make_secrets(kube: Kube, pair: Mapping[str, str]) -> tuple[str, str]:
    """Make the Secrets that the overlay names, with the lag service's pair; returns the S3 server's new keys."""
    access, secret = secrets.token_hex(10), secrets.token_hex(20)
    _make_secret(kube, BACKING, "dev-s3", {"ROOT_ACCESS_KEY": access, "ROOT_SECRET_KEY": secret})
    credentials = {"HEADRACE_S3_ACCESS_KEY": access, "HEADRACE_S3_SECRET_KEY": secret}
    _make_secret(kube, TENANT, "headrace-credentials", credentials)
    _make_secret(kube, SYSTEM, "lag-tls", pair, "kubernetes.io/tls")
    return access, secret


def _make_secret(kube: Kube, namespace: str, name: str, values: Mapping[str, str], kind: str = "Opaque") -> None:
    metadata = {"name": name, "namespace": namespace}
    kube.apply({"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata, "stringData": dict(values)})


def apply(kube: Kube, objects: Sequence[Object]) -> None:
    """Apply the objects, those first that others name."""
    for found in sorted(objects, key=lambda each: _FIRST.index(each["kind"]) if each["kind"] in _FIRST else 99):
        kube.apply(found)


def wait_up(kube: Kube, say: Callable[[str], None]) -> None:
    """Return when Kafka, the S3 server and the lag service are ready and the topics are there."""
    for kind, name, namespace in (
        ("StatefulSet", "kafka", BACKING),
        ("StatefulSet", "s3", BACKING),
        ("Deployment", "lag", SYSTEM),
    ):
        wait_for(lambda k=kind, n=name, p=namespace: _ready(kube, k, n, p), f"{name} is ready", _UP_SECONDS)  # type: ignore[misc]
        say(f"{name} is ready")
    wait_for(lambda: topics_are_there(kube), "the topics are there", _UP_SECONDS)
    say("the topics are there")


def topics_are_there(kube: Kube) -> bool:
    """Whether there are Jobs that make topics (they go ten minutes after their end), and each has done so."""
    jobs = kube.list("batch/v1/Job", TENANT, "app.kubernetes.io/name=topics")
    return bool(jobs) and all(condition(job, "Complete") == "True" for job in jobs)


def _ready(kube: Kube, kind: str, name: str, namespace: str) -> bool:
    found = kube.find(f"apps/v1/{kind}", name, namespace)
    return found is not None and int(found.get("status", {}).get("readyReplicas") or 0) >= 1


def _ending(kube: Kube, namespace: str) -> bool:
    found = kube.find("v1/Namespace", namespace)
    return found is not None and found["status"].get("phase") == "Terminating"
