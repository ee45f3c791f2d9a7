"""What docs/skaffold.md says, on a real node: everything comes up, is verified, and goes again."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import kustomize_ready
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, wait_for
from rig.cluster.report import Scenario
from rig.cluster.start import Say
from rig.cluster.volumes import make_volume, remove_volume
from rig.deployed import start
from rig.deployed.flow import flowing
from rig.deployed.places import BACKING, SYSTEM, TENANT
from rig.deployed.traffic import Traffic, forget_services, name_services
from rig.images.build import engine
from rig.images.catalog import Catalog
from rig.skaffold import Skaffold, skaffold_ready
from rig.skaffold.loop import WATCHING, Loop

pytestmark = [pytest.mark.node, pytest.mark.timeout(2700)]  # everything starts, on two cores

NAMESPACES = (BACKING, TENANT, SYSTEM)
VOLUMES = tuple(f"skaffold-{number}" for number in range(3))  # Kafka's, the S3 server's, a state cache
_BUILDING = "Building ["
_RELOADED = r"drained in [\d.]+ s \(exit status 0\), started again"
_BUILD_SECONDS = 1500.0
_GONE_SECONDS = 180.0


@contextmanager
def administered(cluster: Cluster, kube: Kube, folder: Path) -> Iterator[tuple[str, str]]:
    """A cluster as docs/skaffold.md asks for: what administrators apply, the Secrets, and room for volumes.

    Gives the S3 server's keys.
    """

    def kubectl(*words: str) -> None:
        command = [str(cluster.kubectl), f"--kubeconfig={kube.kubeconfig}", *words]
        subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True, timeout=120)

    kubectl("apply", "--kustomize", "k8s")
    start.make_namespaces(
        kube, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES]
    )
    pair, _ = start.serving_certificate(folder)
    keys = start.make_secrets(kube, pair)
    for name in VOLUMES:
        make_volume(cluster, kube, name, "10Gi")
    try:
        yield keys
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


def test_a_saved_source_is_at_work_in_the_running_pod_and_no_record_is_lost(
    rig: Cluster, control_plane: Kube, say: Say, scenario: Scenario, tmp_path: Path
) -> None:
    with administered(rig, control_plane, tmp_path / "lag-tls") as keys:
        # Given `skaffold dev`, which has built and deployed everything and waits for changes
        with engine(say) as docker, Loop(rig, docker, tmp_path, say) as loop:
            scenario.figure("seconds until Skaffold waits for changes", loop.wait_until_watching(_BUILD_SECONDS))
            wait_for(lambda: start.topics_are_there(control_plane), "the topics are there", 120.0)
            # Then the ports are forwarded
            forwarded = re.search(r"service/lag in namespace headrace-system.* -> (?:http://)?([\d.:]+)", loop.said())
            assert forwarded is not None, loop.said()
            with urlopen(f"http://{forwarded[1]}/metrics", timeout=10) as answer:
                assert b"headrace_lag" in answer.read()

            traffic = Traffic(cluster=rig, keys=keys)
            name_services(rig, control_plane)
            before = _pods(control_plane)
            with flowing(traffic):
                traffic.wait_counted(lambda: any(traffic.counted().values()), "records in the lake", 180.0)

                # When a service's source is saved while records flow
                builds = loop.said().count(_BUILDING)
                loop.save("services/ingestion/headrace_ingestion/stage.py")
                scenario.figure("seconds until it has started again", loop.wait_said(_RELOADED, 60.0))
                # Then nothing was built
                assert loop.said().count(_BUILDING) == builds

                # When a source of the library is saved
                loop.save("libs/headrace/headrace/runtime/fold.py")
                # Then every service starts again, and says so in its pod (Skaffold shows no logs while it builds)
                seconds = wait_for(
                    lambda: all(_reloaded(control_plane, pod) for pod in before), "all started again", 120.0
                )
                scenario.figure("seconds until all have started again", seconds)
                # And the two images that take no copies are built and deployed again, with another topics Job
                wait_for(lambda: _done_after(loop, builds + 2), "they are deployed", 600.0)
                wait_for(lambda: start.topics_are_there(control_plane), "the topics are there", 120.0)

            # And every record is in the lake once, and the pods are those that were there before
            traffic.wait_all_counted()
            assert _pods(control_plane) == before
            forget_services(rig)

        # And Ctrl-C takes it all away
        wait_for(lambda: not control_plane.list("v1/Pod", TENANT), "no pod is left", _GONE_SECONDS)


def _reloaded(kube: Kube, pod: str) -> bool:
    """Whether its service has started again with the library's source that was saved."""
    return re.search(rf"changed: fold\.py\n(.*\n)*?.*{_RELOADED}", kube.logs(pod, TENANT)) is not None


def _done_after(loop: Loop, builds: int) -> bool:
    """Whether it has done all that it has to, and has built this many images."""
    before, _, since = loop.said().rpartition(_BUILDING)
    return before.count(_BUILDING) + 1 == builds and WATCHING in since


def _pods(kube: Kube) -> dict[str, tuple[str, int]]:
    """The services' pods with the starts of their containers."""
    pods = kube.list("v1/Pod", TENANT, "app.kubernetes.io/component=data-plane")
    return {
        pod["metadata"]["name"]: (pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"])
        for pod in pods
    }
