"""The Job of one training: what the cluster's CronJob says, with this run's arguments."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.contract.errors import PlanError

Object = dict[str, Any]  # a Kubernetes object, as in a manifest

TEMPLATE = "training"  # the CronJob's name in kustomize/components/training, behind the pipeline's prefix
PREDICTION = "headrace.dev/prediction"
SUBMITTED_BY = "headrace.dev/submitted-by"
DAY = 86_400
_LABELS = ("app.kubernetes.io/", "headrace.dev/")


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What `headrace train` was asked for."""

    prediction: str
    alias: str
    seed: int
    before: datetime | None = None

    @property
    def arguments(self) -> list[str]:
        """The same, as `headrace train FILE` takes it."""
        until = [] if self.before is None else ["--before", self.before.isoformat()]
        return [self.prediction, "--alias", self.alias, "--seed", str(self.seed), *until]


def job_of(template: Object, training: TrainingRun, name: str, submitted_by: str) -> Object:
    """The Job called `name` that a CronJob describes, with the training's arguments behind those of the template.

    Image, resources, device, security and connections are the template's. A Job never tries twice: the person who
    started it follows it and decides. Raises PlanError for a template without a container.
    """
    found = template["metadata"]
    spec = copy.deepcopy(template["spec"]["jobTemplate"]["spec"])
    containers = spec["template"]["spec"].get("containers")
    if not containers:
        raise PlanError(f"the CronJob {found['name']} has no container: deploy component training anew")
    containers[0]["args"] = [*containers[0].get("args", []), *training.arguments]
    spec["template"]["spec"]["restartPolicy"] = "Never"
    spec["backoffLimit"] = 0
    spec.setdefault("activeDeadlineSeconds", DAY)
    spec.setdefault("ttlSecondsAfterFinished", DAY)
    labels = {key: value for key, value in found.get("labels", {}).items() if key.startswith(_LABELS)}
    labels[PREDICTION] = training.prediction
    spec["template"].setdefault("metadata", {}).setdefault("labels", {})[PREDICTION] = training.prediction
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": found["namespace"],
            "labels": labels,
            "annotations": {SUBMITTED_BY: submitted_by},
            "ownerReferences": [
                # Deleted with its pipeline. Not its controller: the CronJob's history limits would delete it early.
                {"apiVersion": "batch/v1", "kind": "CronJob", "name": found["name"], "uid": found["uid"]}
            ],
        },
        "spec": spec,
    }


def template_name(pipeline: str) -> str:
    """The CronJob's name."""
    return f"{pipeline}-{TEMPLATE}"


def tenant_namespace(tenant: str) -> str:
    """The namespace of a tenant."""
    return f"headrace-{tenant}"


def container_of(job: Object) -> str:
    """The container whose log is the training's, whatever else a cluster injects into its pods."""
    return str(job["spec"]["template"]["spec"]["containers"][0]["name"])
