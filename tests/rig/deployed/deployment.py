"""The local overlay on the rig's own cluster: as `kubectl apply -k` would bring it up, with Kafka and S3 beside it."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube
from rig.cluster.volumes import make_volume
from rig.deployed import start
from rig.deployed.places import TENANT
from rig.deployed.rendered import Rendering
from rig.deployed.traffic import Traffic, name_services
from rig.images.catalog import Catalog

VOLUMES = tuple(f"suite-{number}" for number in range(6))  # Kafka's, the S3 server's, and state caches

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


@dataclass(slots=True, kw_only=True)
class Deployment(Traffic):
    """A suite that is up."""

    kube: Kube
    rendering: Rendering

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
    for name in VOLUMES:
        make_volume(cluster, kube, name, "10Gi")
    pair, authority = start.serving_certificate(cluster.folder / "lag-tls")
    digests = {image.name: image.digest for image in images}
    rendering = Rendering(digests, settings, base64.b64encode(authority.pem.encode()).decode())
    objects = [*rendering.administrators(say), *rendering.overlay(say)]
    start.make_namespaces(kube, objects)
    keys = start.make_secrets(kube, pair)
    start.apply(kube, objects)
    start.wait_up(kube, say)
    name_services(cluster, kube)
    yield Deployment(cluster=cluster, keys=keys, kube=kube, rendering=rendering)
