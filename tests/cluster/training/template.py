"""What the component `training` delivers, as a pipeline's overlay names and labels it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import yaml
from headrace.local.places import PROJECT_ROOT
from headrace.training_job.manifest import Object, template_name
from rig.cluster.kube import Kube

_CLASS = "scheduling.k8s.io/v1/PriorityClass"


def cron_job(pipeline: str) -> Object:
    """The template of a pipeline's trainings."""
    found: Object = yaml.safe_load((PROJECT_ROOT / "kustomize/components/training/cron-job.yaml").read_text())
    labels = {"headrace.dev/tenant": "default", "headrace.dev/pipeline": pipeline}
    found["metadata"]["name"] = template_name(pipeline)
    found["metadata"]["labels"] |= labels
    found["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"] |= labels
    return found


def account() -> Object:
    """The account that trainings run under."""
    found: Object = yaml.safe_load((PROJECT_ROOT / "kustomize/components/training/service-account.yaml").read_text())
    return found


@contextmanager
def priority_classes(kube: Kube) -> Iterator[None]:
    """The priority classes of k8s/, for as long as the block runs where the cluster does not have them."""
    wanted = [found for found in yaml.safe_load_all((PROJECT_ROOT / "k8s/priority-classes.yaml").read_text()) if found]
    missing = [each for each in wanted if kube.find(_CLASS, each["metadata"]["name"]) is None]
    for each in missing:
        kube.apply(each)
    try:
        yield
    finally:
        for each in missing:
            kube.delete(_CLASS, each["metadata"]["name"])
