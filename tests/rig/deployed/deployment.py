"""The local overlay on the rig's own cluster: as `kubectl apply -k` would bring it up, with Kafka and S3 beside it."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.local.places import PROJECT_ROOT

from rig.certificates import Authority
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, Object, condition, wait_for
from rig.cluster.start import running
from rig.cluster.volumes import make_volume
from rig.deployed.rendered import ADMIN, OVERLAY, rendered
from rig.images.build import images_ready

TENANT = "headrace-default"
SYSTEM = "headrace-system"
BACKING = "headrace-backing"
KAFKA = "kafka.headrace-backing.svc:9092"
S3 = "http://s3.headrace-backing.svc:9000"

_VOLUMES = 6  # Kafka's, the S3 server's, and a state cache for each feature-engineering pod
_FIRST = ("Namespace", "PriorityClass", "ClusterRole", "ServiceAccount", "ConfigMap")
_UP_SECONDS = 300.0

# Rates so small that a load which two cores can make is much for some; times so short that a test sees all of it.
SCALING = {
    "HEADRACE_SCALING_START_RATE": '{"ingestion": 80, "cleaning": 80, "feature-engineering": 20000, "inference": 20000,'
    ' "lake": 20000}',
    "HEADRACE_SCALING_CATCH_UP_SECONDS": "60",
    "HEADRACE_SCALING_RESTART_COST_SECONDS": "10",
    "HEADRACE_SCALING_SCALE_UP_WINDOW_SECONDS": "5",
    "HEADRACE_SCALING_SCALE_DOWN_WINDOW_SECONDS": "60",
    "HEADRACE_SCALING_IDLE_SECONDS": "45",
    "HEADRACE_LAG_POLL_SECONDS": "2",
}


@dataclass(frozen=True, slots=True)
class Deployment:
    """A suite that is up; `keys` are the S3 server's access key and secret key."""

    cluster: Cluster
    kube: Kube
    keys: tuple[str, str]

    def inside(self, module: str, *words: str, seconds: float = 300.0) -> str:
        """Run a module of this checkout with the cluster's network and names; returns what it printed."""
        settings = {
            "PYTHONPATH": str(PROJECT_ROOT / "tests"),
            "HEADRACE_KAFKA": KAFKA,
            "HEADRACE_S3_ENDPOINT": S3,
            "HEADRACE_S3_BUCKET": "headrace",
            "HEADRACE_S3_ACCESS_KEY": self.keys[0],
            "HEADRACE_S3_SECRET_KEY": self.keys[1],
        }
        told = [f"{name}={value}" for name, value in settings.items()]
        return self.cluster.run("env", *told, sys.executable, "-m", module, *words, seconds=seconds)

    def replicas(self, kind: str, name: str) -> tuple[int, int]:
        """How many pods a workload of the flights is to have, and how many are ready."""
        found = self.kube.get(f"apps/v1/{kind}", f"flights-{name}", TENANT)
        return int(found["spec"].get("replicas", 1)), int(found["status"].get("readyReplicas") or 0)


@contextmanager
def deployed(folder: Path, say: Callable[[str], None], settings: Mapping[str, str] = SCALING) -> Iterator[Deployment]:
    """The local overlay, up, with `settings` for the lag service; AssertionError or StackError when it is not."""
    catalog = images_ready(say)
    digests = {image.name: image.digest for image in catalog}
    with (
        running(folder, node=True, archives=[catalog.archive], say=say) as cluster,
        closing(Kube(cluster.kubeconfig)) as kube,
    ):
        keys = (secrets.token_hex(10), secrets.token_hex(20))
        for number in range(_VOLUMES):
            make_volume(cluster, kube, f"volume-{number}", "10Gi")
        authority = _serving_certificate(kube, folder / "lag-tls")
        objects = [found for place in ADMIN for found in rendered(place, digests, say)]
        objects += rendered(OVERLAY, digests, say)
        for found in objects:
            if found["kind"] == "APIService":
                found["spec"]["caBundle"] = base64.b64encode(authority.pem.encode()).decode()
            if found["kind"] == "Deployment" and found["metadata"]["name"] == "lag":
                container = found["spec"]["template"]["spec"]["containers"][0]
                container["env"] += [{"name": name, "value": value} for name, value in settings.items()]
        _apply(kube, objects, keys, folder / "lag-tls")
        deployment = Deployment(cluster, kube, keys)
        _wait_up(kube, say)
        _name_services(deployment)
        yield deployment


def _serving_certificate(kube: Kube, folder: Path) -> Authority:
    authority = Authority("lag")
    authority.sign("lag", folder, dns=[f"lag.{SYSTEM}.svc"])
    return authority


def _apply(kube: Kube, objects: list[Object], keys: tuple[str, str], certificate: Path) -> None:
    for found in sorted(objects, key=lambda each: _FIRST.index(each["kind"]) if each["kind"] in _FIRST else 99):
        if found["kind"] == "Namespace":
            kube.apply(found)
    _secret(kube, BACKING, "dev-s3", {"ROOT_ACCESS_KEY": keys[0], "ROOT_SECRET_KEY": keys[1]})
    credentials = {"HEADRACE_S3_ACCESS_KEY": keys[0], "HEADRACE_S3_SECRET_KEY": keys[1]}
    _secret(kube, TENANT, "headrace-credentials", credentials)
    pair = {name: (certificate / name).read_text() for name in ("tls.crt", "tls.key")}
    _secret(kube, SYSTEM, "lag-tls", pair, "kubernetes.io/tls")
    for found in sorted(objects, key=lambda each: _FIRST.index(each["kind"]) if each["kind"] in _FIRST else 99):
        if found["metadata"].get("annotations", {}).get("config.kubernetes.io/local-config") != "true":
            kube.apply(found)


def _secret(kube: Kube, namespace: str, name: str, values: Mapping[str, str], kind: str = "Opaque") -> None:
    metadata = {"name": name, "namespace": namespace}
    kube.apply({"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata, "stringData": dict(values)})


def _wait_up(kube: Kube, say: Callable[[str], None]) -> None:
    for kind, name in (("StatefulSet", "kafka"), ("StatefulSet", "s3")):
        wait_for(lambda k=kind, n=name: _ready(kube, k, n, BACKING), f"{name} is ready", _UP_SECONDS)  # type: ignore[misc]
        say(f"{name} is ready")
    wait_for(lambda: _ready(kube, "Deployment", "lag", SYSTEM), "lag is ready", _UP_SECONDS)
    say("lag is ready")
    jobs = kube.list("batch/v1/Job", TENANT)
    for job in jobs:
        name = job["metadata"]["name"]
        wait_for(
            lambda n=name: condition(kube.find("batch/v1/Job", n, TENANT), "Complete") == "True",  # type: ignore[misc]
            f"{name} is done",
            _UP_SECONDS,
        )
        say(f"{name} is done")


def _ready(kube: Kube, kind: str, name: str, namespace: str) -> bool:
    found = kube.find(f"apps/v1/{kind}", name, namespace)
    return found is not None and int(found.get("status", {}).get("readyReplicas") or 0) >= 1


def _name_services(deployment: Deployment) -> None:
    """Names of the backing services for programs of the host in the cluster's network, whose resolver is the host's."""
    lines = ["127.0.0.1 localhost"]
    for name in ("kafka", "s3"):
        address = deployment.kube.get("v1/Service", name, BACKING)["spec"]["clusterIP"]
        lines.append(f"{address} {name}.{BACKING}.svc")
    hosts = deployment.cluster.folder / "hosts"
    hosts.write_text("\n".join(lines) + os.linesep)
    deployment.cluster.run("mount", "--bind", str(hosts), "/etc/hosts")
