"""The manifests on a real API server, which has the last word: overlays are applied, policies and roles are tried."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import build, kustomize_ready
from rig.cluster.kube import Kube, Refused, wait_for

TENANT = "headrace-blue"
DIGEST = "registry.test/anything@sha256:" + "1" * 64


@pytest.fixture(scope="module")
def administered(control_plane: Kube) -> Iterator[Kube]:
    """A cluster with what an administrator applies, and the tenant blue without its monitors, which need CRDs."""
    kustomize = kustomize_ready(cache_folder(), print)
    applied = []
    for folder in ("k8s", "kustomize/tenants/blue"):
        manifests = [dict(each) for each in build(kustomize, PROJECT_ROOT / folder) if each["kind"] != "PodMonitor"]
        for manifest in sorted(manifests, key=lambda each: each["kind"] != "Namespace"):
            control_plane.apply(manifest)
            applied.append(manifest)
    wait_for(lambda: _policy_works(control_plane), "admission policies that deny")
    yield control_plane
    for manifest in applied:
        if manifest["kind"] in ("Namespace", "ValidatingAdmissionPolicyBinding"):
            control_plane.delete(f"{manifest['apiVersion']}/{manifest['kind']}", manifest["metadata"]["name"])


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


LAG = "system:serviceaccount:headrace-system:lag"
RIGHTS = {
    ("headrace:blue:viewers", TENANT, "list", "", "pods"): True,
    ("headrace:blue:viewers", TENANT, "get", "", "secrets"): False,
    ("headrace:blue:viewers", TENANT, "create", "apps", "deployments"): False,
    ("headrace:blue:viewers", "headrace-system", "list", "", "pods"): False,
    ("headrace:blue:deployers", TENANT, "create", "apps", "deployments"): True,
    ("headrace:blue:deployers", TENANT, "get", "", "secrets"): False,
    ("headrace:blue:deployers", TENANT, "delete", "", "resourcequotas"): False,
    ("headrace:blue:deployers", TENANT, "delete", "networking.k8s.io", "networkpolicies"): False,
    ("headrace:blue:deployers", TENANT, "create", "rbac.authorization.k8s.io", "rolebindings"): False,
    ("headrace:blue:trainers", TENANT, "create", "batch", "jobs"): True,
    ("headrace:blue:trainers", TENANT, "create", "apps", "deployments"): False,
    ("headrace:green:deployers", TENANT, "create", "apps", "deployments"): False,
    (LAG, TENANT, "list", "apps", "statefulsets"): True,
    (LAG, TENANT, "list", "", "pods"): False,
    (LAG, "headrace-system", "list", "apps", "deployments"): False,
    (LAG, "kube-system", "get", "", "secrets"): False,
}


@pytest.mark.parametrize("asked", RIGHTS, ids=" ".join)
def test_who_may_what(asked: tuple[str, str, str, str, str], administered: Kube) -> None:
    who, namespace, verb, group, resource = asked
    subject: dict[str, Any] = {"user": who} if who == LAG else {"user": "somebody", "groups": [who]}
    attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": subject | {"resourceAttributes": attributes},
    }
    assert administered.create(review)["status"]["allowed"] is RIGHTS[asked]
