"""What an API server tells of a Job and its pod, as dicts; the messages are those of Kubernetes 1.37."""

from __future__ import annotations

from typing import Any

from headrace.training_job.manifest import Object

JOB = "flights-training-1a2b3c"
POD = f"{JOB}-x7k2p"


def job(*conditions: Object) -> Object:
    """The Job, with conditions."""
    spec = {"template": {"spec": {"containers": [{"name": "service"}]}}}
    return {"metadata": {"name": JOB}, "spec": spec, "status": {"conditions": list(conditions)}}


def pod(phase: str = "Pending", state: Object | None = None, node: str | None = None, **status: Any) -> Object:
    """Its pod; `state` is that of the container."""
    containers = [{"name": "istio", "state": {"running": {}}}, {"name": "service", "state": state or {}}]
    spec: Object = {"containers": [{"name": "service"}, {"name": "istio"}]}
    if node:
        spec["nodeName"] = node
    told = {"phase": phase, "containerStatuses": containers if state is not None else None, **status}
    return {"metadata": {"name": POD}, "spec": spec, "status": told}


def warning(reason: str, message: str, name: str = POD, kind: str = "Pod") -> Object:
    """A warning of the namespace."""
    return {"reason": reason, "message": message, "involvedObject": {"kind": kind, "name": name}}


def true(kind: str, reason: str = "", message: str = "") -> Object:
    """A condition that holds."""
    return {"type": kind, "status": "True", "reason": reason, "message": message}


UNSCHEDULABLE: Object = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
}
RUNNING = pod("Running", {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "lab")
COMPLETE = job(true("SuccessCriteriaMet"), true("Complete"))
FAILED = job(true("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"))


def ended(status: int, reason: str = "Error", **more: Any) -> Object:
    """The pod once its program has ended."""
    phase = "Succeeded" if status == 0 else "Failed"
    return pod(phase, {"terminated": {"exitCode": status, "reason": reason}}, "lab", **more)
