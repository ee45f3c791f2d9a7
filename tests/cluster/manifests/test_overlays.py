"""Every overlay and tenant, applied for real: taken whole, the same at the second time, and its pods are made."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from cluster.manifests.pods import COUNTED, has_pods, refusals
from cluster.manifests.shown import ADMIN, METRICS, OVERLAYS, TENANTS, Applied, Shown, around
from headrace.manifests.most import most
from headrace.manifests.objects import quantity
from rig.cluster.kube import Kube, Object, wait_for
from rig.cluster.report import Scenario
from rig.manifests.combinations import CHOICES, OPTIONS, ORDER, Combination


@pytest.fixture(scope="module", params=[*OVERLAYS, *TENANTS])
def applied(request: pytest.FixtureRequest, shown: Shown) -> Applied:
    """An overlay that is applied."""
    (found,) = shown.show(request.param)
    return found


@pytest.mark.parametrize("folder", ADMIN, ids=lambda folder: folder.name)
def test_what_an_administrator_applies_is_taken_and_stays_as_it_is(
    folder: Path, shown: Shown, control_plane: Kube
) -> None:
    states = []
    for _ in range(2):
        done = shown.kubectl("apply", "-k", str(folder))
        assert (done.returncode, done.stderr) == (0, "")
        states.append([_said(control_plane, each) for each in shown.rendered(folder)])
    if folder == METRICS:
        shown.take_away(folder)
    assert states[0] == states[1]


def test_every_object_is_taken_without_a_warning(applied: Applied, scenario: Scenario) -> None:
    assert applied.first.returncode == 0, applied.first.stderr
    assert [line for line in applied.first.stderr.splitlines() if line.startswith("Warning")] == []
    said = applied.first.stdout.splitlines()
    assert [line for line in said if not line.endswith(" created")] == []
    assert len(said) == len(applied.objects)
    scenario.figure("objects", len(said))


def test_a_second_apply_changes_nothing(applied: Applied, shown: Shown, control_plane: Kube) -> None:
    # Given replicas that an autoscaler has set. kubectl's word is no measure: it says `configured` for every default
    _scale(applied, control_plane)
    before = [_said(control_plane, each) for each in applied.objects]

    again = shown.kubectl("apply", "-k", str(applied.folder))

    assert again.returncode == 0, again.stderr
    assert [_said(control_plane, each) for each in applied.objects] == before


def test_every_workload_makes_its_pods(applied: Applied, control_plane: Kube) -> None:
    # No node takes them; but quota, limits, pod security and policies have let them in
    workloads = applied.of_kind(*COUNTED)
    for each in workloads:
        wait_for(partial(has_pods, control_plane, each), f"pods of {each['kind']} {each['metadata']['name']}")
    for place in {each["metadata"]["namespace"] for each in workloads}:
        assert refusals(control_plane, place) == []


def test_all_replicas_a_roll_out_and_a_training_take_what_the_quota_was_reckoned_with(
    applied: Applied, shown: Shown, control_plane: Kube, scenario: Scenario
) -> None:
    # Given the sum over the manifests
    (quota,) = applied.of_kind("ResourceQuota")
    place = quota["metadata"]["namespace"]
    wanted = most(applied.objects, place)
    # When every autoscaler is at its most, then every Deployment rolls, and a training runs
    _scale(applied, control_plane)
    for each in applied.of_kind("Deployment", "StatefulSet"):
        wait_for(partial(has_pods, control_plane, each), f"all replicas of {each['metadata']['name']}")
    for each in applied.of_kind("Deployment"):
        control_plane.patch("apps/v1/Deployment", each["metadata"]["name"], _ROLL, each["metadata"]["namespace"])
    for each in applied.of_kind("CronJob"):
        name = each["metadata"]["name"]
        done = shown.kubectl("--namespace", place, "create", "job", "first", f"--from=cronjob/{name}")
        assert done.returncode == 0, done.stderr
    # Then the API server counts exactly that, within what the tenant may have
    hard = {key: quantity(amount) for key, amount in quota["spec"]["hard"].items()}
    told = {key: wanted[key] for key in hard}
    with suppress(AssertionError):  # the comparison says more
        wait_for(lambda: _counted(control_plane, place, hard) == told, "the sum of the manifests")
    assert _counted(control_plane, place, hard) == told
    assert all(hard[key] >= wanted[key] for key in hard)
    assert refusals(control_plane, place) == []
    scenario.figure("share of the quota", {key: float(wanted[key] / most) for key, most in hard.items() if most})


_ROLL = {"spec": {"template": {"metadata": {"annotations": {"headrace.test/rolled": "yes"}}}}}


_ELSEWISE = [
    Combination(
        tuple(
            dict.fromkeys(
                [
                    *(of[turn % len(of)] for of in CHOICES.values()),
                    *(each for option in OPTIONS[turn::2] for each in option),
                ]
            )
        )
    )
    for turn in range(3)
]


def test_every_component_is_in_one_of_the_combinations_that_are_tried() -> None:
    assert {component for each in _ELSEWISE for component in each.components} == set(ORDER)


@pytest.mark.parametrize("combination", _ELSEWISE, ids=lambda each: each.name)
def test_components_that_no_overlay_has_chosen_are_taken_too(
    combination: Combination, shown: Shown, tmp_path: Path
) -> None:
    # Given an overlay that is applied
    shown.show("overlays/dev")
    overlay = combination.write(tmp_path / "overlay")

    done = shown.kubectl("apply", "--dry-run=server", "-k", str(around(overlay, tmp_path / "around")))

    assert done.returncode == 0, done.stderr


def _scale(applied: Applied, kube: Kube) -> None:
    """Every autoscaler's target at its most."""
    for each in applied.of_kind("HorizontalPodAutoscaler"):
        target, place = each["spec"]["scaleTargetRef"], each["metadata"]["namespace"]
        replicas = {"spec": {"replicas": each["spec"]["maxReplicas"]}}
        kube.patch(f"apps/v1/{target['kind']}", target["name"], replicas, place)


def _said(kube: Kube, manifest: Object) -> Object:
    """What somebody has said of an object, without what controllers write."""
    metadata = manifest["metadata"]
    found = kube.get(f"{manifest['apiVersion']}/{manifest['kind']}", metadata["name"], metadata.get("namespace"))
    told = {key: found["metadata"].get(key) for key in ("uid", "generation", "labels", "deletionTimestamp")}
    return {key: value for key, value in found.items() if key != "status"} | {"metadata": told}


def _counted(kube: Kube, place: str, keys: Iterable[str]) -> dict[str, Fraction]:
    """What is counted for a namespace's quota, counted again soon: that happens when it changes, else in five minutes.

    What was counted while pods came and went may be one off till then.
    """
    kube.patch(
        "v1/ResourceQuota", "tenant", {"spec": {"hard": {"count/leases.coordination.k8s.io": next(_LIMITS)}}}, place
    )
    used = kube.get("v1/ResourceQuota", "tenant", place)["status"].get("used") or {}
    return {key: quantity(used[key]) for key in keys if key in used}


_LIMITS = map(str, count(1))
