"""Disruption budgets: each service has one, and none holds up the drain of a node for ever."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.manifests.objects import Finding, Manifests, namespace, of_kind, pods, selects, where


def budgets(manifests: Manifests) -> Iterator[Finding]:
    """One budget for each workload of the suite, which lets a pod go."""
    found = of_kind(manifests, "PodDisruptionBudget")
    for pod in pods(manifests):
        if not pod.runs_on or pod.labels.get("app.kubernetes.io/component") == "backing":
            continue
        own = [b for b in found if namespace(b) == pod.namespace and selects(b["spec"]["selector"], pod.labels)]
        if len(own) != 1:
            yield Finding("budgets", pod.where, f"{len(own)} disruption budgets choose its pods, expected one")
    for budget in found:
        spec = budget["spec"]
        if spec.get("maxUnavailable") in (0, "0%") or "minAvailable" in spec:
            yield Finding("budgets", where(budget), "may hold up a drain for ever: say maxUnavailable, 1 or more")
