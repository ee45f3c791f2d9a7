"""What roles of k8s/ allow."""

from __future__ import annotations

import yaml
from headrace.local.places import PROJECT_ROOT
from headrace.training_job.manifest import Object

TRAINER = "headrace-tenant-trainer"


def rules_of(role: str) -> list[Object]:
    """The rules of a ClusterRole of k8s/."""
    manifests = yaml.safe_load_all((PROJECT_ROOT / "k8s" / "cluster-roles.yaml").read_text())
    return next(found["rules"] for found in manifests if found["metadata"]["name"] == role)
