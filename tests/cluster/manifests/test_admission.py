"""Admission policies on a real API server, which has the last word."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from cluster.manifests.shown import Shown
from rig.cluster.kube import Kube, Refused, wait_for

TENANT = "headrace-blue"
DIGEST = "registry.test/anything@sha256:" + "1" * 64


@pytest.fixture(scope="module")
def administered(shown: Shown, control_plane: Kube) -> Kube:
    """A cluster with what an administrator applies, and the tenant blue."""
    shown.show("tenants/blue")
    wait_for(lambda: _policy_works(control_plane), "admission policies that deny")
    return control_plane


def _policy_works(kube: Kube) -> bool:
    """A policy takes some seconds until it is enforced."""
    try:
        kube.apply(_deployment("registry.test/anything:1", "blue"), TENANT, dry_run=True)
    except Refused:
        return True
    return False


def _deployment(image: str, tenant: str | None) -> dict[str, Any]:
    labels = {"app": "tried"} | ({"headrace.dev/tenant": tenant} if tenant else {})
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"selector": {"matchLabels": {"app": "tried"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "tried"}, "spec": spec}


def test_the_type_checker_of_the_api_server_has_nothing_against_the_policies(administered: Kube) -> None:
    for policy in administered.list("admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"):
        wait_for(partial(_status, administered, policy), "a policy that was checked")
        assert "expressionWarnings" not in _status(administered, policy)["typeChecking"]


def _status(kube: Kube, policy: dict[str, Any]) -> dict[str, Any]:
    kind = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"
    status: dict[str, Any] = kube.get(kind, policy["metadata"]["name"]).get("status") or {}
    return status if "typeChecking" in status else {}


@pytest.mark.parametrize(
    ("image", "tenant", "why"),
    [
        ("registry.test/anything:1", "blue", "name images by digest (image@sha256:…), not registry.test/anything:1"),
        (DIGEST, None, "its pods need the label headrace.dev/tenant: blue"),
        (DIGEST, "green", "its pods need the label headrace.dev/tenant: blue"),
    ],
)
def test_a_workload_that_is_not_as_agreed_is_refused_with_the_reason(
    image: str, tenant: str | None, why: str, administered: Kube
) -> None:
    with pytest.raises(Refused) as refusal:
        administered.apply(_deployment(image, tenant), TENANT, dry_run=True)
    assert why in str(refusal.value)


def test_a_workload_as_agreed_is_admitted(administered: Kube) -> None:
    assert administered.apply(_deployment(DIGEST, "blue"), TENANT, dry_run=True)
