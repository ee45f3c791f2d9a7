"""The pods that controllers make for what was applied, and what they were refused."""

from __future__ import annotations

from rig.cluster.kube import Kube, Object

COUNTED = {"Deployment": "replicas", "StatefulSet": "replicas", "Job": "active"}
"""The kinds that make pods, and where their status counts them."""

_AT_ONCE = 'on resourcequotas "tenant": the object has been modified'


def has_pods(kube: Kube, manifest: Object) -> bool:
    """Whether a workload has made as many pods as it wants, and wants some."""
    metadata = manifest["metadata"]
    found = kube.get(f"{manifest['apiVersion']}/{manifest['kind']}", metadata["name"], metadata["namespace"])
    wanted, status = int(found["spec"].get("replicas", 1)), found.get("status", {})
    return wanted >= 1 and int(status.get(COUNTED[manifest["kind"]]) or 0) == wanted


def refusals(kube: Kube, place: str) -> list[str]:
    """What controllers were refused in a namespace; not where two counted for one quota at once, and tried again."""
    failed = [each for each in kube.list("v1/Event", place) if each["reason"].startswith("FailedCreate")]
    return [str(each["message"]) for each in failed if _AT_ONCE not in each["message"]]
