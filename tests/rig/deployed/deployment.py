"""The local overlay on the rig's own cluster: as `kubectl apply -k` would bring it up, with Kafka and S3 beside it."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.local.places import PROJECT_ROOT

from rig.certificates import Authority
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, wait_for
from rig.cluster.volumes import make_volume
from rig.deployed import start
from rig.deployed.places import BACKING, KAFKA, S3, SYSTEM, TENANT
from rig.deployed.rendered import Rendering
from rig.images.catalog import Catalog

VOLUMES = tuple(f"suite-{number}" for number in range(6))  # Kafka's, the S3 server's, and state caches

_COUNT_SECONDS = 2.0

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


@dataclass(slots=True)
class Deployment:
    """A suite that is up; `keys` are the S3 server's access key and secret key, `sent` the records sent so far."""

    cluster: Cluster
    kube: Kube
    keys: tuple[str, str]
    rendering: Rendering
    sent: int = 0

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

    def feed(self, count: int, rate: float) -> None:
        """Send the next records, `rate` a second, and return when all are acknowledged."""
        self.inside("rig.deployed.feed", *map(str, (self.sent, count, rate)), seconds=900.0)
        self.sent += count

    def counted(self) -> dict[str, int]:
        """Rows in the lake's first tables and in its quarantine; AssertionError when a record is there twice."""
        told: dict[str, int] = json.loads(self.inside("rig.deployed.count"))
        records = told.pop("records")
        assert sum(told.values()) == records, f"{told} rows of {records} records"
        return told

    def wait_all_counted(self, seconds: float = 300.0) -> float:
        """Return when every record that was sent is in the lake or in its quarantine, once, and after what time."""
        return self.wait_counted(lambda: sum(self.counted().values()) == self.sent, "all are in the lake", seconds)

    def wait_counted(self, true: Callable[[], bool], what: str, seconds: float) -> float:
        """Wait for something that is counted, which takes a second of a core each time."""
        return wait_for(true, what, seconds, every=_COUNT_SECONDS)

    def replicas(self, kind: str, name: str) -> tuple[int, int]:
        """How many pods a workload of the flights is to have, and how many are ready."""
        found = self.kube.get(f"apps/v1/{kind}", f"flights-{name}", TENANT)
        return int(found["spec"].get("replicas", 1)), int(found["status"].get("readyReplicas") or 0)

    def kubectl(self, *words: str, status: int = 0, seconds: float = 300.0) -> str:
        """What kubectl says in the tenant's namespace, on either stream, when it ends with this status."""
        command = [str(self.cluster.kubectl), f"--kubeconfig={self.kube.kubeconfig}", f"--namespace={TENANT}", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        assert done.returncode == status, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@contextmanager
def deployed(
    cluster: Cluster,
    kube: Kube,
    images: Catalog,
    say: Callable[[str], None],
    settings: Mapping[str, str] = SCALING,
) -> Iterator[Deployment]:
    """The local overlay, up, with `settings` for the lag service; AssertionError or StackError when it is not."""
    keys = (secrets.token_hex(10), secrets.token_hex(20))
    for name in VOLUMES:
        make_volume(cluster, kube, name, "10Gi")
    pair, authority = _serving_certificate(cluster.folder / "lag-tls")
    digests = {image.name: image.digest for image in images}
    rendering = Rendering(digests, settings, base64.b64encode(authority.pem.encode()).decode())
    objects = [*rendering.administrators(say), *rendering.overlay(say)]
    start.make_namespaces(kube, objects)
    start.make_secret(kube, BACKING, "dev-s3", {"ROOT_ACCESS_KEY": keys[0], "ROOT_SECRET_KEY": keys[1]})
    credentials = {"HEADRACE_S3_ACCESS_KEY": keys[0], "HEADRACE_S3_SECRET_KEY": keys[1]}
    start.make_secret(kube, TENANT, "headrace-credentials", credentials)
    start.make_secret(kube, SYSTEM, "lag-tls", pair, "kubernetes.io/tls")
    start.apply(kube, objects)
    start.wait_up(kube, say)
    deployment = Deployment(cluster, kube, keys, rendering)
    _name_services(deployment)
    yield deployment


def _serving_certificate(folder: Path) -> tuple[dict[str, str], Authority]:
    authority = Authority("lag")
    authority.sign("lag", folder, dns=[f"lag.{SYSTEM}.svc"])
    return {name: (folder / name).read_text() for name in ("tls.crt", "tls.key")}, authority


def _name_services(deployment: Deployment) -> None:
    """Names of the backing services for programs of the host in the cluster's network, whose resolver is the host's."""
    lines = ["127.0.0.1 localhost"]
    for name in ("kafka", "s3"):
        address = deployment.kube.get("v1/Service", name, BACKING)["spec"]["clusterIP"]
        lines.append(f"{address} {name}.{BACKING}.svc")
    hosts = deployment.cluster.folder / "hosts"
    hosts.write_text("\n".join(lines) + os.linesep)
    deployment.cluster.run("mount", "--bind", str(hosts), "/etc/hosts")
