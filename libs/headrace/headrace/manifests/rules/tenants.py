"""Tenants: whose a pod is, and that its namespace is bounded."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.manifests.objects import Finding, Manifests, labels, name, namespace, of_kind, pods, where

TENANT = "headrace.dev/tenant"
_RESTRICTED = "pod-security.kubernetes.io/enforce"
_MEND = "list components/tenant, and say its name: configMapGenerator `tenant`, literal name=<tenant>"


def ownership(manifests: Manifests) -> Iterator[Finding]:
    """A pod of the data plane says whose it is, and lives in that tenant's namespace."""
    for pod in pods(manifests):
        if pod.labels.get("app.kubernetes.io/component") not in ("data-plane", "job"):
            continue
        tenant = pod.labels.get(TENANT)
        if tenant is None:
            yield Finding("ownership", pod.where, f"its pods have no label {TENANT}", "list the rendered pipeline last")
        elif pod.namespace != f"headrace-{tenant}":
            yield Finding("ownership", pod.where, f"belongs to {tenant!r} and lives in {pod.namespace!r}")


def bounds(manifests: Manifests) -> Iterator[Finding]:
    """A tenant's namespace is made here, restricted, and has a quota and limits."""
    made = {name(each): each for each in of_kind(manifests, "Namespace")}
    for place in sorted({pod.namespace for pod in pods(manifests) if TENANT in pod.labels}):
        if place not in made:
            yield Finding("bounds", f"Namespace {place}", "gets pods and is not made here", _MEND)
            continue
        if f"headrace-{labels(made[place]).get(TENANT)}" != place:
            yield Finding("bounds", where(made[place]), f"its label {TENANT} does not say whose it is", _MEND)
    for place, each in made.items():
        if labels(each).get(_RESTRICTED) != "restricted":
            yield Finding("bounds", where(each), f"the label {_RESTRICTED} must be `restricted`")
        for kind in ("ResourceQuota", "LimitRange"):
            if TENANT in labels(each) and place not in {namespace(other) for other in of_kind(manifests, kind)}:
                yield Finding("bounds", where(each), f"a tenant without {kind} could take the whole cluster", _MEND)
