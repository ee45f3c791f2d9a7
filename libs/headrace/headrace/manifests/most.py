"""The most that rendered manifests can take of a cluster: every autoscaler at its most, every roll-out under way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction

from headrace.manifests.objects import Manifest, Manifests, Pod, name, namespace, of_kind, pods, quantity

Taken = Mapping[str, Fraction]
"""How much of each thing that a ResourceQuota names; 0 of what is not in it."""


def most(manifests: Manifests, place: str) -> Taken:
    """What the objects of one namespace take at most; a CronJob runs once at a time."""
    here = [each for each in manifests if namespace(each) == place]
    taken: defaultdict[str, Fraction] = defaultdict(Fraction)
    for pod in pods(here):
        running = _replicas(pod, here) + _surge(pod)
        taken["pods"] += running
        for key, amount in _asked(pod):
            taken[key] += running * amount
        for claim in pod.owner["spec"].get("volumeClaimTemplates", ()):
            _claimed(taken, claim, _replicas(pod, here))
        taken["count/jobs.batch"] += pod.kind in ("Job", "CronJob")
    for claim in of_kind(here, "PersistentVolumeClaim"):
        _claimed(taken, claim, 1)
    for service in of_kind(here, "Service"):
        kind = service["spec"].get("type")
        taken["services.loadbalancers"] += kind == "LoadBalancer"
        taken["services.nodeports"] += kind in ("LoadBalancer", "NodePort")
    return taken


def _replicas(pod: Pod, here: Manifests) -> int:
    """As many as its autoscaler allows, or as it says itself."""
    for each in of_kind(here, "HorizontalPodAutoscaler", "ScaledObject"):
        spec = each["spec"]
        target = spec["scaleTargetRef"]
        if (target["kind"], target["name"]) == (pod.kind, name(pod.owner)):
            return int(spec.get("maxReplicas", spec.get("maxReplicaCount", 1)))
    return int(pod.owner["spec"].get("replicas", 1))


def _surge(pod: Pod) -> int:
    """Pods that a rolling update has beyond its replicas; the project's rules want a number there."""
    rolling = (pod.owner["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    return int(rolling.get("maxSurge", 0)) if pod.kind == "Deployment" else 0


def _asked(pod: Pod) -> Iterator[tuple[str, Fraction]]:
    for container in pod.containers:
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for what, amount in {**limits, **requests}.items():  # who has a limit alone asks for all of it
            yield f"requests.{what}", quantity(amount)
        for what, amount in limits.items():
            yield f"limits.{what}", quantity(amount)


def _claimed(taken: defaultdict[str, Fraction], claim: Manifest, copies: int) -> None:
    taken["persistentvolumeclaims"] += copies
    taken["requests.storage"] += copies * quantity(claim["spec"]["resources"]["requests"]["storage"])
