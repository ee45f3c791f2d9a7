"""What a tenant may take: the quota's every line and the limit range, tried to the edge and one beyond."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.manifests.shown import Shown
from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import build, kustomize_ready
from rig.cluster.kube import Kube, Object, Refused, wait_for

DIGEST = "registry.test/anything@sha256:" + "1" * 64
_numbers = count(1)


@pytest.fixture
def tenant(shown: Shown, control_plane: Kube, tmp_path: Path) -> Iterator[str]:
    """The namespace of a tenant with the template's bounds and nothing in it."""
    name = f"bounds-{next(_numbers)}"
    kustomization = {
        "components": [os.path.relpath(PROJECT_ROOT / "kustomize/components/tenant", tmp_path)],
        "configMapGenerator": [
            {
                "name": "tenant",
                "literals": [f"name={name}"],
                "options": {"annotations": {"config.kubernetes.io/local-config": "true"}},
            }
        ],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    for each in build(kustomize_ready(cache_folder(), print), tmp_path):
        control_plane.apply(dict(each))
    place = f"headrace-{name}"
    wait_for(lambda: control_plane.find("v1/ServiceAccount", "default", place), "the default service account")
    wait_for(lambda: control_plane.get("v1/ResourceQuota", "tenant", place).get("status"), "a quota that counts")
    yield place
    control_plane.delete("v1/Namespace", place)


def pod(requests: Mapping[str, str] | None = None, limits: Mapping[str, str] | None = None) -> Object:
    """A pod of one container, as the policies want it; its limits are what it asks for, where nothing else is said."""
    resources = {"requests": dict(requests), "limits": dict(limits or requests)} if requests else {}
    container = {
        "name": "main",
        "image": DIGEST,
        "resources": resources,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {
        "containers": [container],
        "securityContext": security,
        "nodeSelector": {"headrace.test/nowhere": "yes"},
        "terminationGracePeriodSeconds": 0,
    }
    return _object("v1", "Pod", spec)


def claim(storage: str) -> Object:
    """A claim of a volume."""
    return _object(
        "v1",
        "PersistentVolumeClaim",
        {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}},
    )


def job(place: str) -> Object:
    """A job that makes no pod."""
    spec = pod()["spec"] | {"restartPolicy": "Never"}
    labels = {"headrace.dev/tenant": place.removeprefix("headrace-")}
    return _object("batch/v1", "Job", {"suspend": True, "template": {"metadata": {"labels": labels}, "spec": spec}})


def service(kind: str) -> Object:
    """A service of this type."""
    return _object("v1", "Service", {"type": kind, "ports": [{"port": 80}]})


def _object(version: str, kind: str, spec: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"generateName": "tried-"}, "spec": spec}


SMALL = {"cpu": "10m", "memory": "16Mi", "ephemeral-storage": "1Mi"}
# What the quota names, how many of something it has room for, that, and what is too much after it.
QUOTA = {
    "pods": ("60", 60, pod(SMALL), pod(SMALL)),
    "requests.cpu": ("16", 2, pod(SMALL | {"cpu": "8"}), pod(SMALL)),
    "requests.memory": ("48Gi", 3, pod(SMALL | {"memory": "16Gi"}), pod(SMALL)),
    "requests.ephemeral-storage": ("8Gi", 1, pod(SMALL | {"ephemeral-storage": "8Gi"}), pod(SMALL)),
    "limits.memory": ("96Gi", 6, pod(SMALL, {"memory": "16Gi"}), pod(SMALL)),
    "requests.storage": ("64Gi", 4, claim("16Gi"), claim("1Mi")),
    "persistentvolumeclaims": ("32", 32, claim("1Mi"), claim("1Mi")),
    "count/jobs.batch": ("40", 40, None, None),
    "services.loadbalancers": ("0", 0, None, service("LoadBalancer")),
    "services.nodeports": ("0", 0, None, service("NodePort")),
}


def test_every_line_of_the_quota_is_tried(shown: Shown) -> None:
    kustomize = kustomize_ready(cache_folder(), print)
    template = build(kustomize, PROJECT_ROOT / "k8s/tenant-template")
    (quota,) = (each for each in template if each["kind"] == "ResourceQuota")
    assert quota["spec"]["hard"] == {key: hard for key, (hard, *_) in QUOTA.items()}


@pytest.mark.parametrize("key", QUOTA)
def test_what_goes_over_the_quota_is_refused_with_the_line_that_it_breaks(
    key: str, tenant: str, control_plane: Kube
) -> None:
    # Given a tenant that has all that it may have
    hard, number, fills, more = QUOTA[key]
    for _ in range(number):
        control_plane.create(fills or job(tenant), tenant)

    with pytest.raises(Refused) as refusal:
        control_plane.create(more or job(tenant), tenant)

    assert refusal.value.status == 403
    assert "exceeded quota: tenant, requested: " in str(refusal.value)
    assert f"limited: {key}={hard}" in str(refusal.value)


def test_a_container_that_asks_for_nothing_is_given_the_limit_ranges(tenant: str, control_plane: Kube) -> None:
    made = control_plane.create(pod(), tenant)

    (container,) = made["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "64Mi"},
        "limits": {"cpu": "1", "memory": "512Mi", "ephemeral-storage": "512Mi"},
    }


@pytest.mark.parametrize(
    ("beyond", "said"),
    [
        (pod(SMALL | {"cpu": "9"}), "cpu usage per Container is 8, but limit is 9"),
        (pod(SMALL, {"memory": "17Gi"}), "memory usage per Container is 16Gi, but limit is 17Gi"),
        (pod(SMALL, {"ephemeral-storage": "17Gi"}), "ephemeral-storage usage per Container is 16Gi, but limit is 17Gi"),
        (claim("17Gi"), "storage usage per PersistentVolumeClaim is 16Gi, but request is 17Gi"),
    ],
    ids=["cpu", "memory", "ephemeral storage", "volume"],
)  # fmt: skip
def test_one_that_is_too_large_for_the_limit_range_is_refused_with_the_reason(
    beyond: Object, said: str, tenant: str, control_plane: Kube
) -> None:
    with pytest.raises(Refused) as refusal:
        control_plane.create(beyond, tenant)

    assert refusal.value.status == 403
    assert f"maximum {said}" in str(refusal.value)
