"""What a Job's story means to the person who waits for it: lines to show, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.training_job.manifest import Object

# Waiting reasons of a container that time mends by itself; every other one is a mistake that somebody has to mend.
_STARTING = ("ContainerCreating", "PodInitializing", "")
# Events that say what a pod's or the job's own status says, too.
_TOLD = (
    "FailedScheduling",
    "Failed",
    "BackOff",
    "ErrImageNeverPull",
    "InspectFailed",
    "BackoffLimitExceeded",
    "DeadlineExceeded",
)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a Job ended: `status` is its container's exit status, None where something else ended it."""

    succeeded: bool
    status: int | None
    why: str  # empty where it succeeded


class Progress:
    """Follows one Job from what the API server tells of it, its pods and their warnings, in any order and repeated."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.finished = False
        self.readable: str | None = None  # the pod whose log can be read
        self.log_ended = False  # nothing more will be written to it
        self._job: Object = {}
        self._gone = False
        self._pod: Object = {}
        self._said: set[str] = set()

    def see_job(self, job: Object | None) -> list[str]:
        """The Job as it is now, None once it is gone; returns lines to show."""
        if job is None:
            self._gone = self.finished = True
            return []
        self._job = job
        if _condition(job, "Complete") or _condition(job, "Failed"):
            self.finished = True
        elif suspended := _condition(job, "Suspended"):
            return self._once(f"waits: the job is suspended: {suspended.get('message', '')}")
        return []

    def see_pod(self, pod: Object) -> list[str]:
        """One of its pods as it is now; returns lines to show."""
        name, status = pod["metadata"]["name"], pod.get("status", {})
        self._pod = pod
        state = _state(pod)
        if "running" in state or "terminated" in state:
            self.readable = name
            self.log_ended = "terminated" in state
            return self._once(f"runs in pod {name} on node {pod['spec'].get('nodeName')}")
        if unschedulable := _condition(pod, "PodScheduled", "False"):
            return self._once(f"waits for a node: {unschedulable.get('message', unschedulable.get('reason'))}")
        waiting = state.get("waiting", {})
        if (reason := waiting.get("reason", "")) not in _STARTING:
            return self._once(f"cannot start: {reason}: {waiting.get('message', '')}".rstrip(": "))
        if status.get("phase") == "Pending" and pod["spec"].get("nodeName"):
            return self._once(f"starts on node {pod['spec']['nodeName']}")
        return []

    def see_event(self, event: Object) -> list[str]:
        """A warning of the namespace; returns lines to show where it is about this Job or one of its pods."""
        about = event.get("involvedObject", {})
        ours = (about.get("kind") == "Job" and about.get("name") == self.name) or (
            about.get("kind") == "Pod" and str(about.get("name")).rpartition("-")[0] == self.name
        )
        if not ours or event.get("reason") in _TOLD:
            return []
        return self._once(f"{event.get('reason')}: {event.get('message')}")

    def ending(self) -> Ending:
        """How it ended; call it once it is finished and its pods were seen for the last time."""
        if _condition(self._job, "Complete"):
            return Ending(True, 0, "")
        terminated = _state(self._pod).get("terminated", {})
        status, reason = terminated.get("exitCode"), terminated.get("reason", "")
        disrupted = _condition(self._pod, "DisruptionTarget")
        failed = _condition(self._job, "Failed")
        if self._gone:
            return Ending(False, None, "it was deleted")
        if failed.get("reason") == "DeadlineExceeded":
            return Ending(False, None, f"it took longer than it may: {failed.get('message', 'DeadlineExceeded')}")
        if disrupted or self._pod.get("status", {}).get("reason"):
            told = disrupted or self._pod["status"]
            return Ending(False, None, f"its pod was taken away: {told.get('reason')}: {told.get('message', '')}")
        if reason == "OOMKilled":
            return Ending(False, None, "it needed more memory than its limit: raise it in component training")
        if status:
            return Ending(False, int(status), f"its program ended with status {status}")
        return Ending(
            False, None, f"{failed.get('reason', 'unknown')}: {failed.get('message', 'no pod of it is left')}"
        )

    def _once(self, line: str) -> list[str]:
        if line in self._said:
            return []
        self._said.add(line)
        return [line]


def _condition(found: Object, kind: str, status: str = "True") -> dict[str, Any]:
    conditions = found.get("status", {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind and each["status"] == status), {})


def _state(pod: Object) -> dict[str, Any]:
    if not pod:
        return {}
    first = pod["spec"]["containers"][0]["name"]
    statuses = pod.get("status", {}).get("containerStatuses") or []
    state: dict[str, Any] = next((each.get("state", {}) for each in statuses if each["name"] == first), {})
    return state
