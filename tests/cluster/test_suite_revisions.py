"""Revisions of a deployed suite, rolled out, undone and evicted while records flow: all of them arrive, once."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from headrace.contract.load import load_pipeline
from headrace.local.places import PROJECT_ROOT
from headrace.manifests.rendered import rendered
from rig.cluster.kube import Object, Refused, condition, wait_for
from rig.cluster.report import Scenario
from rig.deployed import start
from rig.deployed.deployment import Deployment
from rig.deployed.flow import flowing
from rig.deployed.places import TENANT

pytestmark = [pytest.mark.node, pytest.mark.timeout(1500)]  # everything starts, on two cores

RUNNING = {
    "ingestion": "Deployment",
    "cleaning": "Deployment",
    "feature-engineering": "StatefulSet",
    "lake": "Deployment",
}
FLIGHTS = PROJECT_ROOT / "examples/flights/headrace_flights/flights.yaml"
DELAY = ("between: [-120, 2000]", "between: [-120, 15]")
HOUR = 'out_hour: "CAST(EXTRACT(HOUR FROM scheduled_out) AS FLOAT)"'
MINUTE = (HOUR, f'{HOUR}, out_minute: "CAST(EXTRACT(MINUTE FROM scheduled_out) AS FLOAT)"')
DRAINED = ("cleaning", "feature-engineering", "lake")  # in the order of the path; inference waits for a model
WORKLOADS = "deployments,statefulsets"


@contextmanager
def all_arrive_once(deployment: Deployment, scenario: Scenario) -> Iterator[None]:
    """Records flow through pods that are ready while the block runs; then every one is in the lake or quarantine."""
    with flowing(deployment):
        wait_for(lambda: all(_ready(deployment, name) for name in RUNNING), "every service is ready", 300.0)
        began = deployment.sent
        yield
    deployment.wait_all_counted()
    scenario.figure("records while it happened", deployment.sent - began)
    scenario.figures |= deployment.counted()


def _ready(deployment: Deployment, name: str) -> bool:
    return deployment.replicas(RUNNING[name], name)[1] > 0


def templates(deployment: Deployment) -> dict[str, Object]:
    """What each service's pods are made from: what Kubernetes rolls when it changes."""
    return {
        name: deployment.kube.get(f"apps/v1/{kind}", f"flights-{name}", TENANT)["spec"]["template"]["spec"]
        for name, kind in {**RUNNING, "inference": "Deployment"}.items()
    }


def rolled(deployment: Deployment, name: str) -> None:
    """Return when a service's last revision runs."""
    deployment.kubectl("rollout", "status", f"{RUNNING[name].lower()}/flights-{name}", "--timeout=240s")


def undo(deployment: Deployment, name: str) -> None:
    """Bring the revision before the last back, and wait for it."""
    deployment.kubectl("rollout", "undo", f"{RUNNING[name].lower()}/flights-{name}")
    rolled(deployment, name)


def pods(deployment: Deployment, name: str) -> dict[str, Object]:
    """The pods of a service that are not about to end, by name."""
    found = deployment.kube.list("v1/Pod", TENANT, f"app.kubernetes.io/name={name}")
    return {pod["metadata"]["name"]: pod for pod in found if not pod["metadata"].get("deletionTimestamp")}


def changed_tree(folder: Path, change: tuple[str, str]) -> Path:
    """The manifests of a pipeline file in which one text stands for another."""
    for part in ("kustomize", "k8s"):
        shutil.copytree(PROJECT_ROOT / part, folder / part)
    old, new = change
    text = FLIGHTS.read_text()
    assert text.count(old) == 1
    text = text.replace(old, new)
    for path, content in rendered(load_pipeline(text, "flights.yaml"), text).items():
        (folder / "kustomize/pipelines/flights" / path).write_text(content)
    return folder


def test_another_pipeline_file_rolls_whom_it_concerns_and_undo_brings_the_earlier_back(
    deployment: Deployment, scenario: Scenario, tmp_path: Path
) -> None:
    before = templates(deployment)
    with all_arrive_once(deployment, scenario):
        # When a file is applied that refuses late departures
        start.apply(deployment.kube, deployment.rendering.overlay(print, changed_tree(tmp_path, DELAY)))

        # Then ingestion alone is rolled, the topics' Job is another one, and late departures are refused
        rolled(deployment, "ingestion")
        after = templates(deployment)
        assert {name for name in before if before[name] != after[name]} == {"ingestion"}
        wait_for(lambda: start.topics_are_there(deployment.kube), "the Job of the new file is done", 120.0)
        quiet = deployment.counted()["quarantine"]
        deployment.wait_counted(
            lambda: deployment.counted()["quarantine"] > quiet, "a late departure is refused", 180.0
        )

        # When that is undone, then pods have the earlier file again
        undo(deployment, "ingestion")
        assert templates(deployment) == before

    # And late departures arrive as before
    refused = deployment.counted()["quarantine"]
    deployment.feed(400, 40.0)
    deployment.wait_all_counted()
    assert deployment.counted()["quarantine"] == refused


def test_another_image_is_rolled_out_and_undone(deployment: Deployment, scenario: Scenario) -> None:
    before = templates(deployment)
    with all_arrive_once(deployment, scenario):
        # When a Deployment and a StatefulSet get another image
        for name in ("cleaning", "feature-engineering"):
            digest = deployment.rendering.digests[name]
            image = f"ghcr.io/headrace/next/{name}@{digest}"
            tags = ("ctr", "--namespace=k8s.io", "images", "tag", "--force")
            deployment.cluster.run(*tags, f"ghcr.io/headrace/{name}@{digest}", image)
            deployment.kubectl("set", "image", f"{RUNNING[name].lower()}/flights-{name}", f"service={image}")
            rolled(deployment, name)
            assert {pod["spec"]["containers"][0]["image"] for pod in pods(deployment, name).values()} == {image}

        # Then undo brings the earlier one back
        for name in ("cleaning", "feature-engineering"):
            undo(deployment, name)
        assert templates(deployment) == before


BAD = {
    "an image that nobody has": ("set", "image", f"service=ghcr.io/headrace/ingestion@sha256:{9:064x}"),
    "a setting that is none": ("set", "env", "HEADRACE_DRAIN_SECONDS=soon"),
    "a Kafka that is not there": ("set", "env", "HEADRACE_KAFKA=kafka.nowhere.svc:9092"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_revision_that_cannot_start_leaves_the_earlier_pods_at_work(
    what: str, deployment: Deployment, scenario: Scenario
) -> None:
    before = templates(deployment)
    verb, kind, value = BAD[what]
    with all_arrive_once(deployment, scenario):
        at_work = pods(deployment, "ingestion").keys()

        # When a revision comes that cannot start
        deployment.kubectl(verb, kind, "deployment/flights-ingestion", value)
        wait_for(lambda: pods(deployment, "ingestion").keys() - at_work, "a pod of the new revision", 60.0)

        # Then its rollout ends with an error, and the earlier pods go on
        said = deployment.kubectl("rollout", "status", "deployment/flights-ingestion", "--timeout=60s", status=1)
        assert "timed out waiting for the condition" in said
        present = pods(deployment, "ingestion")
        assert at_work <= present.keys()
        assert all(condition(present[name], "Ready") == "True" for name in at_work)
        assert all(condition(present[name], "Ready") == "False" for name in present.keys() - at_work)
        flowed = deployment.counted()
        deployment.wait_counted(lambda: deployment.counted() != flowed, "more records in the lake", 120.0)

        # When it is undone, then all is as before
        undo(deployment, "ingestion")
        assert templates(deployment) == before
        assert at_work <= pods(deployment, "ingestion").keys()


def test_pods_are_evicted_one_at_a_time(deployment: Deployment, scenario: Scenario) -> None:
    kube, autoscaler = deployment.kube, "autoscaling/v2/HorizontalPodAutoscaler"
    with all_arrive_once(deployment, scenario):
        # Given two pods of ingestion at work
        kube.patch(autoscaler, "flights-ingestion", {"spec": {"minReplicas": 2}}, TENANT)
        wait_for(lambda: deployment.replicas("Deployment", "ingestion") == (2, 2), "two pods", 180.0)
        first, second = pods(deployment, "ingestion")
        _wait_allowed(deployment, 1)

        # When a node is drained of both, then the budget lets the second go when the first has a successor
        kube.evict(first, TENANT)
        with pytest.raises(Refused, match="disruption budget") as refusal:
            kube.evict(second, TENANT)
        assert refusal.value.status == 429
        _wait_allowed(deployment, 1)
        kube.evict(second, TENANT)
        wait_for(lambda: not {first, second} & pods(deployment, "ingestion").keys(), "both are gone", 120.0)
        wait_for(lambda: deployment.replicas("Deployment", "ingestion")[1] == 2, "two pods again", 180.0)
        kube.patch(autoscaler, "flights-ingestion", {"spec": {"minReplicas": 0}}, TENANT)


def _wait_allowed(deployment: Deployment, count: int) -> None:
    def allowed() -> bool:
        budget = deployment.kube.get("policy/v1/PodDisruptionBudget", "flights-ingestion", TENANT)
        return int(budget["status"].get("disruptionsAllowed", 0)) == count

    wait_for(allowed, "an eviction is allowed", 180.0)


def test_after_a_drain_no_row_lacks_a_new_column(deployment: Deployment, scenario: Scenario, tmp_path: Path) -> None:
    def rows(what: str) -> int:
        return int(deployment.inside("rig.deployed.column", "cleaned/departures", "out_minute", what))

    with all_arrive_once(deployment, scenario):
        # Given a suite that is drained and stopped as docs/guides/delivery.md says, while producers go on
        deployment.kubectl("delete", "hpa", "flights-ingestion")
        deployment.kubectl("scale", "deployment/flights-ingestion", "--replicas=0")
        wait_gone = ("wait", "--for=delete", "--timeout=60s", "pod", "--selector")
        deployment.kubectl(*wait_gone, "headrace.dev/pipeline=flights,app.kubernetes.io/name=ingestion")
        began = time.monotonic()
        for name in DRAINED:
            _wait_drained(deployment, name)
        scenario.figure("seconds of the drain", time.monotonic() - began)
        deployment.kubectl("delete", "hpa", "--selector", "headrace.dev/pipeline=flights")
        deployment.kubectl("scale", WORKLOADS, "--selector", "headrace.dev/pipeline=flights", "--replicas=0")
        deployment.kubectl(*wait_gone, "headrace.dev/pipeline=flights,app.kubernetes.io/component=data-plane")
        before = rows("all")

        # When a file with another column is applied, and all is started
        start.apply(deployment.kube, deployment.rendering.overlay(print, changed_tree(tmp_path, MINUTE)))
        deployment.kubectl("scale", WORKLOADS, "--selector", "headrace.dev/pipeline=flights", "--replicas=1")
        for name in RUNNING:
            rolled(deployment, name)
        scenario.figure("seconds until all is back", time.monotonic() - began)

    # Then every row that was cleaned since has the column
    wait_for(lambda: rows("all") > before, "rows since", 120.0, every=2.0)
    assert rows("null") == before


def _wait_drained(deployment: Deployment, name: str) -> None:
    """Return when the external metrics API says of a moment after the call that no row lies before a service."""
    place = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{TENANT}/headrace_lag_rows"
    since = datetime.now(UTC)

    def drained() -> bool:
        said = json.loads(deployment.kubectl("get", "--raw", f"{place}?labelSelector=pipeline=flights,service={name}"))
        (item,) = said["items"]
        return item["value"] == "0" and datetime.fromisoformat(item["timestamp"]) > since

    wait_for(drained, f"{name} is drained", 180.0)
