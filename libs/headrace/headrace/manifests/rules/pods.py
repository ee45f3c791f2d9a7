"""Pods: probes, the restricted profile and more, resources, how they end and where they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.manifests.objects import Finding, Manifests, Pod, pods, quantity, selects

WRITABLE_ROOT = "headrace.dev/writable-root"
"""The annotation of pods whose root may be written: development with synchronised sources."""

_DRAIN_SECONDS = 20.0  # HEADRACE_DRAIN_SECONDS unless it is set
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def probes(manifests: Manifests) -> Iterator[Finding]:
    """Whatever runs for ever is asked whether it has begun, is ready and is alive, at a port that it has."""
    for pod, container in _containers(manifests):
        if not pod.runs_on:
            continue
        ports = {port["name"] for port in container.get("ports", ())}
        for probe in _PROBES:
            if probe not in container:
                yield Finding("probes", pod.where, f"container {container['name']} has no {probe}")
                continue
            asked = container[probe].get("httpGet") or container[probe].get("tcpSocket") or {}
            port = asked.get("port")
            if isinstance(port, str) and port not in ports:
                yield Finding("probes", pod.where, f"{probe} asks port {port!r}, which the container does not name")


def security(manifests: Manifests) -> Iterator[Finding]:
    """The restricted profile, and a numeric user and a root that cannot be written besides."""
    for pod in pods(manifests):
        context = pod.spec.get("securityContext") or {}
        wrong = [f"{key} must not be set" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(key)]
        if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
            wrong.append("must run as a numeric user that is not root (runAsNonRoot, runAsUser)")
        if (context.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
            wrong.append("seccompProfile must be RuntimeDefault")
        wrong += [f"volume {each['name']} is a hostPath" for each in pod.spec.get("volumes", ()) if "hostPath" in each]
        for container in pod.containers:
            wrong += [f"container {container['name']}: {what}" for what in _container_security(container, pod)]
        yield from (Finding("security", pod.where, what) for what in wrong)


def _container_security(container: Mapping[str, Any], pod: Pod) -> Iterator[str]:
    context = container.get("securityContext") or {}
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation must be false"
    if context.get("privileged"):
        yield "is privileged"
    if context.get("runAsUser") == 0 or context.get("runAsNonRoot") is False:
        yield "runs as root"
    capabilities = context.get("capabilities") or {}
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "must drop ALL capabilities and add none"
    if context.get("readOnlyRootFilesystem") is not True and WRITABLE_ROOT not in pod.annotations:
        yield f"readOnlyRootFilesystem must be true (development says so with the annotation {WRITABLE_ROOT})"
    if any("hostPort" in port for port in container.get("ports", ())):
        yield "has a hostPort"


def resources(manifests: Manifests) -> Iterator[Finding]:
    """Every container says what it needs and what it may have, and needs no more than it may have."""
    for pod, container in _containers(manifests):
        asked = (container.get("resources") or {}).get("requests") or {}
        limit = (container.get("resources") or {}).get("limits") or {}
        for what in ("cpu", "memory", "ephemeral-storage"):
            if what not in asked:
                yield Finding("resources", pod.where, f"container {container['name']} requests no {what}")
            if what not in limit:
                yield Finding("resources", pod.where, f"container {container['name']} has no limit of {what}")
            if what in asked and what in limit and quantity(asked[what]) > quantity(limit[what]):
                yield Finding("resources", pod.where, f"requests more {what} ({asked[what]}) than its limit")


def grace(manifests: Manifests) -> Iterator[Finding]:
    """A pod is given longer to end than its drain takes."""
    for pod in pods(manifests):
        if not pod.runs_on:
            continue
        given = pod.spec.get("terminationGracePeriodSeconds", 30)
        for container in pod.containers:
            before = ((container.get("lifecycle") or {}).get("preStop") or {}).get("sleep", {}).get("seconds", 0)
            if given <= _drain(container) + before:
                needed = f"preStop and drain take {_drain(container) + before:g} s"
                yield Finding("grace", pod.where, f"terminationGracePeriodSeconds is {given}, and {needed}")


def rollout(manifests: Manifests) -> Iterator[Finding]:
    """A rolling update never has fewer pods than before: one more first."""
    for pod in pods(manifests):
        if pod.kind == "Deployment":
            rolling = (pod.owner["spec"].get("strategy") or {}).get("rollingUpdate") or {}
            if (rolling.get("maxSurge"), rolling.get("maxUnavailable")) != (1, 0):
                yield Finding("rollout", pod.where, "rollingUpdate must be maxSurge 1, maxUnavailable 0")


def spread(manifests: Manifests) -> Iterator[Finding]:
    """Pods of the suite are spread over nodes and zones, by a selector that means themselves."""
    for pod in pods(manifests):
        if not pod.runs_on or pod.labels.get("app.kubernetes.io/component") != "data-plane":
            continue
        rules = pod.spec.get("topologySpreadConstraints") or []
        keys = {rule["topologyKey"] for rule in rules}
        if keys != {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}:
            yield Finding("spread", pod.where, f"spreads over {sorted(keys) or 'nothing'}, not over nodes and zones")
        for rule in rules:
            if not selects(rule.get("labelSelector"), pod.labels) or "labelSelector" not in rule:
                yield Finding("spread", pod.where, f"the selector of {rule['topologyKey']} does not mean its own pods")


def surroundings(manifests: Manifests) -> Iterator[Finding]:
    """No variables of every Service in the namespace, and a priority."""
    for pod in pods(manifests):
        if pod.spec.get("enableServiceLinks") is not False:
            yield Finding("surroundings", pod.where, "enableServiceLinks must be false: Services become variables")
        if not pod.spec.get("priorityClassName"):
            yield Finding("surroundings", pod.where, "has no priorityClassName")


def _drain(container: Mapping[str, Any]) -> float:
    env = {each["name"]: each.get("value") for each in container.get("env", ())}
    return float(env.get("HEADRACE_DRAIN_SECONDS") or _DRAIN_SECONDS)


def _containers(manifests: Manifests) -> Iterator[tuple[Pod, Mapping[str, Any]]]:
    return ((pod, container) for pod in pods(manifests) for container in pod.containers)
