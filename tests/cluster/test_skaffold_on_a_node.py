"""What docs/skaffold.md says, on a real node: everything comes up, is verified, and goes again."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import kustomize_ready
from rig.certificates import Authority
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, wait_for
from rig.cluster.report import Scenario
from rig.cluster.start import Say
from rig.cluster.volumes import make_volume, remove_volume
from rig.deployed import start
from rig.deployed.places import BACKING, SYSTEM, TENANT
from rig.images.catalog import Catalog
from rig.skaffold import Skaffold, skaffold_ready

pytestmark = [pytest.mark.node, pytest.mark.timeout(1500)]  # everything starts, on two cores

NAMESPACES = (BACKING, TENANT, SYSTEM)
VOLUMES = tuple(f"skaffold-{number}" for number in range(3))  # Kafka's, the S3 server's, a state cache
_GONE_SECONDS = 180.0


@contextmanager
def administered(cluster: Cluster, kube: Kube, folder: Path) -> Iterator[None]:
    """A cluster as docs/skaffold.md asks for: what administrators apply, the Secrets, and room for volumes."""

    def kubectl(*words: str) -> None:
        command = [str(cluster.kubectl), f"--kubeconfig={kube.kubeconfig}", *words]
        subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True, timeout=120)

    kubectl("apply", "--kustomize", "k8s")
    start.make_namespaces(
        kube, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES]
    )
    keys = (secrets.token_hex(10), secrets.token_hex(20))
    start.make_secret(kube, BACKING, "dev-s3", {"ROOT_ACCESS_KEY": keys[0], "ROOT_SECRET_KEY": keys[1]})
    credentials = {"HEADRACE_S3_ACCESS_KEY": keys[0], "HEADRACE_S3_SECRET_KEY": keys[1]}
    start.make_secret(kube, TENANT, "headrace-credentials", credentials)
    Authority("lag").sign("lag", folder, dns=[f"lag.{SYSTEM}.svc"])
    pair = {name: (folder / name).read_text() for name in ("tls.crt", "tls.key")}
    start.make_secret(kube, SYSTEM, "lag-tls", pair, "kubernetes.io/tls")
    for name in VOLUMES:
        make_volume(cluster, kube, name, "10Gi")
    try:
        yield
    finally:
        for name in NAMESPACES:
            kube.delete("v1/Namespace", name)
        wait_for(lambda: not any(kube.find("v1/Namespace", name) for name in NAMESPACES), "all is gone", _GONE_SECONDS)
        for name in VOLUMES:
            remove_volume(cluster, kube, name)
        kubectl("delete", "--kustomize", "k8s", "--ignore-not-found", "--wait=false")


def test_skaffold_brings_everything_up_verifies_it_and_takes_it_away(
    own_cluster: Cluster, control_plane: Kube, suite_images: Catalog, say: Say, scenario: Scenario, tmp_path: Path
) -> None:
    with administered(own_cluster, control_plane, tmp_path / "lag-tls"):
        # Given images that were built, by tag, as Skaffold writes down what it has built
        builds = tmp_path / "builds.json"
        found = [{"imageName": f"ghcr.io/headrace/{each.name}", "tag": each.reference} for each in suite_images]
        builds.write_text(json.dumps({"builds": found}))
        kustomize = kustomize_ready(cache_folder(), say)
        skaffold = Skaffold(
            skaffold_ready(say),
            kustomize,
            tmp_path,
            kubectl=own_cluster.kubectl,
            kubeconfig=str(control_plane.kubeconfig),
        )
        artifacts = ("--profile=ci", f"--build-artifacts={builds}")

        # When it is deployed, then Skaffold waits until every pod is ready, with no model published yet
        began = time.monotonic()
        skaffold.run("deploy", *artifacts, seconds=900.0)
        scenario.figure("seconds until all is ready", time.monotonic() - began)
        pods = control_plane.list("v1/Pod", TENANT)
        assert {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods} >= {"ingestion", "inference"}

        # And it is verified by a Job that asks for the topics
        said = skaffold.run("verify", *artifacts, seconds=300.0)
        assert "default.flights.by.origin" in said, said

        # When it is taken away, then nothing of it stays in the tenant's namespace
        skaffold.run("delete", "--profile=ci", seconds=300.0)
        wait_for(lambda: not control_plane.list("v1/Pod", TENANT), "no pod is left", _GONE_SECONDS)
