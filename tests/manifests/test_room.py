"""What pipelines take at their most replicas, and the quota that a tenant is given for it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from headrace.local.places import PROJECT_ROOT
from headrace.manifests.most import most
from headrace.manifests.objects import Manifest, of_kind, quantity

Build = Callable[[Path], list[Manifest]]
GIBI = 2**30


def test_the_most_of_the_production_overlay_is_the_sum_of_its_parts(prod: list[Manifest]) -> None:
    # Given five services of four replicas, of which four have one more in a roll-out, a training and the topics Job
    assert most(prod, "headrace-default") == {
        "pods": 4 * (4 + 1) + 4 + 1 + 1,
        "requests.cpu": Fraction(5 * (250 + 150 + 150 + 150) + 4 * 250 + 1000 + 100, 1000),
        "requests.memory": (5 * (384 + 384 + 512 + 512) + 4 * 768 + 2048 + 192) * GIBI // 1024,
        "requests.ephemeral-storage": 26 * 64 * GIBI // 1024,
        "limits.cpu": 24 * 2 + 4 + 1,
        "limits.memory": (5 * (768 + 768 + 1024 + 1024) + 4 * 2048 + 8192 + 512) * GIBI // 1024,
        "limits.ephemeral-storage": (24 * 512 + 4096 + 256) * GIBI // 1024,
        "requests.storage": 4 * 2 * GIBI,
        "persistentvolumeclaims": 4,
        "count/jobs.batch": 2,
        "services.loadbalancers": 0,
        "services.nodeports": 0,
    }


def test_a_tenants_quota_has_room_for_two_such_pipelines(kustomized: Build, prod: list[Manifest]) -> None:
    (quota,) = of_kind(kustomized(PROJECT_ROOT / "k8s/tenant-template"), "ResourceQuota")
    taken = most(prod, "headrace-default")
    assert {key: hard for key, hard in quota["spec"]["hard"].items() if 2 * taken[key] > quantity(hard)} == {}
