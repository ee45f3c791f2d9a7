"""A pipeline file as a Kustomize component: each service's part of it as a ConfigMap, names, labels and namespace.

A ConfigMap is named by a hash of its content, so a change of the file restarts those services whose part it changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from headrace.contract.errors import PlanError
from headrace.contract.load import load_pipeline
from headrace.contract.pipeline import Pipeline
from headrace.contract.projection import SERVICES, project
from headrace.contract.yaml_lines import write_yaml

_HEADER = "# Written by `headrace render`: change the pipeline file and render it again.\n"
_LAG = "http://lag.headrace-system.svc:8080/v1"

_FURTHER = (
    ("Job", "spec/template/metadata/labels"),
    ("CronJob", "spec/jobTemplate/spec/template/metadata/labels"),
    ("PodMonitor", "spec/selector/matchLabels"),
)
"""Where labels belong that Kustomize does not know of."""

# Pods of a StatefulSet carry its name and 11 characters more as a label, which has 63 at most.
LONGEST_PIPELINE = 63 - 11 - len("-feature-engineering")
_LONGEST_TENANT = 63 - len("headrace-")

_ON_PODS = "spec.template.metadata.annotations"
_WRITTEN_ON_TOPICS = (
    ("connections", "data", _ON_PODS),  # all of it first: it takes the place of what was there
    ("store", "data.HEADRACE_STORE", f"{_ON_PODS}.HEADRACE_STORE"),
)
"""What of which ConfigMap is written where on the topics Job, whose name has a hash of all that stands on it.

(How brokers are spoken to shows in the Job's volumes.)
"""

Files = dict[str, str]


def rendered(pipeline: Pipeline, text: str) -> Files:
    """Return the component's files by their path in it; `text` is the pipeline file's own, which jobs are given.

    Raises PlanError for a tenant or pipeline whose name no namespace or resource can carry.
    """
    parts = {service: write_yaml(project(_plain(pipeline), service)) for service in SERVICES}
    for service, part in parts.items():
        load_pipeline(part, f"{service}.yaml")  # an error here would be ours, and must not reach a cluster
    return {
        "kustomization.yaml": _HEADER + write_yaml(_component(pipeline, text)),
        "pipeline.yaml": text,
        **{f"{service}.yaml": _HEADER + part for service, part in parts.items()},
        "watched/kustomization.yaml": _HEADER + write_yaml(_watched(pipeline)),
        "watched/pipeline.yaml": text,
    }


def namespace_of(pipeline: Pipeline) -> str:
    """The namespace of the pipeline's tenant; raises PlanError for a name that none can have."""
    tenant = pipeline.tenant
    if "_" in tenant:
        raise PlanError(
            f"the tenant {tenant!r} cannot be a namespace: Kubernetes allows no `_` in it; choose a name without"
        )
    if len(tenant) > _LONGEST_TENANT:
        raise PlanError(
            f"the tenant {tenant!r} cannot be a namespace: Kubernetes leaves room for {_LONGEST_TENANT} characters,"
            f" these are {len(tenant)}; choose a shorter name"
        )
    return f"headrace-{tenant}"


def _component(pipeline: Pipeline, text: str) -> dict[str, Any]:
    facts = {"headrace.dev/tenant": pipeline.tenant, "headrace.dev/pipeline": pipeline.name}
    maps = [{"name": f"{service}-pipeline", "files": [f"pipeline.yaml={service}.yaml"]} for service in SERVICES]
    return {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "namespace": namespace_of(pipeline),
        "namePrefix": f"{_resources(pipeline.name)}-",
        "labels": [
            {"pairs": {"app.kubernetes.io/part-of": "headrace"}},
            {"pairs": facts, "includeSelectors": True},
            {"pairs": facts, "fields": [{"kind": kind, "path": path, "create": True} for kind, path in _FURTHER]},
        ],
        "generatorOptions": {"immutable": True},
        "configMapGenerator": [*maps, {"name": "pipeline", "files": ["pipeline.yaml"]}],
        "patches": [*_autoscalers(pipeline), *map(_scaled_object(pipeline), SERVICES), _topics(text)],
        "replacements": [_on_topics(*each) for each in _WRITTEN_ON_TOPICS],
    }


def _autoscalers(pipeline: Pipeline) -> list[dict[str, Any]]:
    """One replica for each partition is the most: a further one would have nothing to read."""
    selector = "/spec/metrics/0/external/metric/selector/matchLabels/pipeline"
    return [
        _patch("HorizontalPodAutoscaler", "", {"/spec/maxReplicas": pipeline.partitions, selector: pipeline.name}),
        _patch("ScaledObject", "", {"/spec/maxReplicaCount": pipeline.partitions}),
    ]


def _scaled_object(pipeline: Pipeline) -> Callable[[str], dict[str, Any]]:
    def patch(service: str) -> dict[str, Any]:
        url = f"{_LAG}/{pipeline.tenant}/{pipeline.name}/{service}"
        target = f"{_resources(pipeline.name)}-{service}"  # Kustomize does not know that this is a name
        changes = {"/spec/triggers/0/metadata/url": url, "/spec/scaleTargetRef/name": target}
        return _patch("ScaledObject", service, changes)

    return patch


def _topics(text: str) -> dict[str, Any]:
    """A Job cannot be changed, so what it runs with is written on it: another file makes another Job."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return _patch("Job", "topics", {"/metadata/annotations/headrace.dev~1pipeline-sha256": digest})


def _on_topics(name: str, source: str, place: str) -> dict[str, Any]:
    target = {"select": {"kind": "Job", "name": "topics"}, "fieldPaths": [place], "options": {"create": True}}
    return {"source": {"kind": "ConfigMap", "name": name, "fieldPath": source}, "targets": [target]}


def _patch(kind: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    changes = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    return {"target": {"kind": kind} | ({"name": name} if name else {}), "patch": json.dumps(changes)}


def _watched(pipeline: Pipeline) -> dict[str, Any]:
    """The file for the lag service, which reads a folder of them again when it changes."""
    file = f"{pipeline.tenant}.{pipeline.name}.yaml=pipeline.yaml"
    return {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "configMapGenerator": [
            {"name": "pipelines", "namespace": "headrace-system", "behavior": "merge", "files": [file]}
        ],
    }


def _resources(pipeline: str) -> str:
    """What the names of a pipeline's resources begin with; raises PlanError for one that none can have."""
    if len(pipeline) > LONGEST_PIPELINE:
        raise PlanError(
            f"the pipeline {pipeline!r} cannot name its resources: Kubernetes leaves room for {LONGEST_PIPELINE}"
            f" characters, these are {len(pipeline)}; choose a shorter name"
        )
    return pipeline.replace("_", "-").rstrip("-")


def _plain(pipeline: Pipeline) -> dict[str, Any]:
    return pipeline.model_dump(mode="json", by_alias=True)
