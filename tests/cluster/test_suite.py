"""The suite on a real node: its own images, its own manifests, Kafka and the S3 server as pods beside it."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from rig.cluster.kube import Kube, condition, wait_for
from rig.cluster.report import Scenario
from rig.deployed.deployment import SCALING, Deployment
from rig.deployed.flow import fed
from rig.deployed.places import BACKING, SYSTEM, TENANT

pytestmark = [pytest.mark.node, pytest.mark.timeout(1500)]  # everything starts, on two cores

SCALED = ("ingestion", "cleaning")  # those whose told rate is low enough for the load here (rig.deployed)
CATCH_UP_SECONDS = float(SCALING["HEADRACE_SCALING_CATCH_UP_SECONDS"])
WORKLOADS = {
    "ingestion": "Deployment",
    "cleaning": "Deployment",
    "feature-engineering": "StatefulSet",
    "lake": "Deployment",
}


def replicas(deployment: Deployment) -> dict[str, int]:
    return {name: deployment.replicas(kind, name)[0] for name, kind in WORKLOADS.items()}


def without_a_number(kube: Kube) -> bool:
    """Whether every autoscaler of the tenant says that it has nothing to go by."""
    found = kube.list("autoscaling/v2/HorizontalPodAutoscaler", TENANT)
    return all(condition(each, "ScalingActive") == "False" for each in found)


def test_flights_go_through_real_pods_exactly_once(deployment: Deployment, scenario: Scenario) -> None:
    # Given flights, at a quiet pace
    began = time.monotonic()
    deployment.feed(600, 20.0)

    # Then every one of them is in the lake, once
    deployment.wait_all_counted()
    scenario.figures["seconds"] = round(time.monotonic() - began, 1)


def test_replicas_follow_a_load_of_five_times_and_back(deployment: Deployment, scenario: Scenario) -> None:
    # Given one pod of each at most: some may sleep again
    wait_for(lambda: max(replicas(deployment).values()) <= 1, "one of each", 300.0)
    seen: list[tuple[float, dict[str, int]]] = []

    # When five times the load comes, and goes again, then each time all of it is soon in the lake
    drained = []
    for count, rate in ((1200, 20.0), (12_000, 100.0), (2400, 20.0)):
        with fed(deployment, count, rate) as done:
            while not done.done():
                now = replicas(deployment)
                if not seen or seen[-1][1] != now:
                    seen.append((round(time.monotonic(), 1), now))
                time.sleep(1.0)
        drained.append(round(deployment.wait_all_counted(CATCH_UP_SECONDS), 1))
    scenario.figures["seconds to drain"] = ", ".join(map(str, drained))

    # And those that it is much for have had a second pod, and changed their mind once at most
    scenario.figures["replicas"] = "; ".join(f"{at - seen[0][0]:.0f} s {now}" for at, now in seen)
    for name in SCALED:
        counts = [now[name] for _, now in seen]
        assert max(counts) > 1, counts
        assert max(counts) <= 4, counts
        steps = [later - earlier for earlier, later in pairwise(counts) if later != earlier]
        turns = sum((a > 0) != (b > 0) for a, b in pairwise(steps))
        assert turns <= 1, counts


def test_replicas_are_held_while_the_lag_service_is_away(deployment: Deployment) -> None:
    # Given what there is
    before = replicas(deployment)
    kube = deployment.kube

    # When the lag service goes
    kube.patch("apps/v1/Deployment", "lag", {"spec": {"replicas": 0}}, SYSTEM)
    wait_for(lambda: not kube.list("v1/Pod", SYSTEM, "app.kubernetes.io/name=lag"), "lag is away", 120.0)

    # Then the autoscalers say that they know nothing, and change nothing
    wait_for(lambda: without_a_number(kube), "every autoscaler says so", 120.0)
    assert replicas(deployment) == before
    kube.patch("apps/v1/Deployment", "lag", {"spec": {"replicas": 1}}, SYSTEM)
    wait_for(lambda: not without_a_number(kube), "it is back", 180.0)


def test_replicas_are_held_while_the_broker_is_away(deployment: Deployment) -> None:
    before = replicas(deployment)
    kube = deployment.kube
    kube.patch("apps/v1/StatefulSet", "kafka", {"spec": {"replicas": 0}}, BACKING)
    wait_for(lambda: not kube.list("v1/Pod", BACKING, "app.kubernetes.io/name=kafka"), "Kafka is away", 120.0)

    wait_for(lambda: without_a_number(kube), "no autoscaler has a number", 180.0)
    assert replicas(deployment) == before
    kube.patch("apps/v1/StatefulSet", "kafka", {"spec": {"replicas": 1}}, BACKING)
    wait_for(lambda: not without_a_number(kube), "they have numbers again", 300.0)


def test_it_goes_to_sleep_and_wakes(deployment: Deployment, scenario: Scenario) -> None:
    # When nothing comes for long, then there is no pod
    asleep = wait_for(lambda: set(replicas(deployment).values()) == {0}, "all sleep", 600.0)
    # When flights come again, then they wake, and nothing is lost
    deployment.feed(200, 20.0)
    woken = deployment.wait_all_counted(400.0)
    scenario.figures |= {"seconds to sleep": round(asleep, 1), "seconds from waking to the lake": round(woken, 1)}
