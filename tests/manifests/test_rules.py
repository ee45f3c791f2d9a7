"""Each rule can fail: one thing is spoiled in the production overlay, and the rule named for it says so."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from headrace.manifests.check import RULES, findings
from headrace.manifests.objects import Manifest

Spoiled = list[dict[str, Any]]


def _one(manifests: Spoiled, kind: str, name: str) -> dict[str, Any]:
    return next(each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name)


def _spec(manifests: Spoiled) -> dict[str, Any]:
    spec: dict[str, Any] = _one(manifests, "Deployment", "flights-ingestion")["spec"]["template"]["spec"]
    return spec


def _lag(manifests: Spoiled) -> dict[str, Any]:
    spec: dict[str, Any] = _one(manifests, "Deployment", "lag")["spec"]["template"]["spec"]
    return spec


def _container(manifests: Spoiled) -> dict[str, Any]:
    container: dict[str, Any] = _spec(manifests)["containers"][0]
    return container


def _without(manifests: Spoiled, kind: str, name: str) -> None:
    manifests.remove(_one(manifests, kind, name))


def _role(group: str, resource: str, verb: str) -> dict[str, Any]:
    rule = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
    return {"kind": "ClusterRole", "metadata": {"name": "spoiled"}, "rules": [rule]}


def _binding(role: str, subject: str) -> dict[str, Any]:
    subjects = [{"kind": "Group", "name": subject}]
    return {"kind": "ClusterRoleBinding", "metadata": {"name": "x"}, "roleRef": {"name": role}, "subjects": subjects}


def _secret() -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": "x", "namespace": "headrace-default"}, "stringData": {"a": "b"}}


def _set(part: dict[str, Any], key: str, value: object) -> None:
    part[key] = value


def _pipeline_volume(manifests: Spoiled) -> None:
    volume = next(each for each in _spec(manifests)["volumes"] if each["name"] == "pipeline")
    volume["configMap"]["name"] = "gone-pipeline"


def _variable(manifests: Spoiled, name: str, value: str) -> None:
    _container(manifests)["env"].append({"name": name, "value": value})


PSA = "pod-security.kubernetes.io/enforce"
DIGEST = "@sha256:" + "0" * 64

SPOILS: list[tuple[str, str, Callable[[Spoiled], object]]] = [
    ("probes", "has no livenessProbe", lambda m: _container(m).pop("livenessProbe")),
    ("probes", "asks port 'htp'", lambda m: _set(_container(m)["startupProbe"]["httpGet"], "port", "htp")),
    ("security", "hostNetwork must not be set", lambda m: _set(_spec(m), "hostNetwork", True)),
    ("security", "numeric user", lambda m: _spec(m)["securityContext"].pop("runAsUser")),
    ("security", "seccompProfile", lambda m: _spec(m)["securityContext"].pop("seccompProfile")),
    ("security", "drop ALL", lambda m: _set(_container(m)["securityContext"], "capabilities", {})),
    ("security", "readOnlyRoot", lambda m: _set(_container(m)["securityContext"], "readOnlyRootFilesystem", False)),
    ("security", "Escalation", lambda m: _container(m)["securityContext"].pop("allowPrivilegeEscalation")),
    ("security", "is privileged", lambda m: _set(_container(m)["securityContext"], "privileged", True)),
    ("security", "runs as root", lambda m: _set(_container(m)["securityContext"], "runAsUser", 0)),
    ("security", "has a hostPort", lambda m: _set(_container(m)["ports"][0], "hostPort", 8080)),
    ("security", "is a hostPath", lambda m: _set(_spec(m)["volumes"][0], "hostPath", {"path": "/"})),
    ("resources", "requests no memory", lambda m: _container(m)["resources"]["requests"].pop("memory")),
    ("resources", "no limit of memory", lambda m: _container(m)["resources"]["limits"].pop("memory")),
    ("resources", "more cpu", lambda m: _set(_container(m)["resources"]["requests"], "cpu", "2500m")),
    ("grace", "drain take 20 s", lambda m: _set(_spec(m), "terminationGracePeriodSeconds", 20)),
    ("grace", "drain take 60 s", lambda m: _variable(m, "HEADRACE_DRAIN_SECONDS", "60")),
    ("rollout", "maxSurge 1", lambda m: _one(m, "Deployment", "flights-lake")["spec"].pop("strategy")),
    ("spread", "not over nodes and zones", lambda m: _spec(m)["topologySpreadConstraints"].pop()),
    ("spread", "own pods", lambda m: _spec(m)["topologySpreadConstraints"][0].pop("labelSelector")),
    ("surroundings", "enableServiceLinks", lambda m: _spec(m).pop("enableServiceLinks")),
    ("surroundings", "priorityClassName", lambda m: _spec(m).pop("priorityClassName")),
    ("digest", "has no digest", lambda m: _set(_container(m), "image", "ghcr.io/headrace/ingestion:1.0")),
    ("digest", "is none", lambda m: _set(_container(m), "image", "ghcr.io/headrace/ingestion@sha256:12")),
    ("digest", "latest", lambda m: _set(_container(m), "image", f"ghcr.io/headrace/ingestion:latest{DIGEST}")),
    ("pipeline", "has no pipeline", lambda m: _pipeline_volume(m)),
    ("configuration", "ConfigMap 'gone'", lambda m: _set(_container(m)["envFrom"][0]["configMapRef"], "name", "gone")),
    ("configuration", "Secret 'gone'", lambda m: _set(_container(m)["envFrom"][3]["secretRef"], "name", "gone")),
    ("volumes", "nobody mounts", lambda m: _container(m)["volumeMounts"].pop()),
    ("files", "nothing is mounted there", lambda m: _variable(m, "HEADRACE_KAFKA_CA_FILE", "/nowhere/ca.crt")),
    ("accounts", "is not made here", lambda m: _set(_spec(m), "serviceAccountName", "default")),
    ("accounts", "shares its", lambda m: _set(_spec(m), "serviceAccountName", "flights-lake")),
    ("accounts", "has no token", lambda m: _set(_lag(m), "automountServiceAccountToken", False)),
    ("accounts", "no role is bound", lambda m: _spec(m).pop("automountServiceAccountToken")),
    ("selectors", "chooses no pod", lambda m: _set(_one(m, "Service", "lag")["spec"], "selector", {"a": "b"})),
    ("selectors", "'metrics'", lambda m: _set(_one(m, "Service", "lag")["spec"]["ports"][1], "targetPort", "metrics")),
    ("autoscalers", "which is not here", lambda m: _set(_hpa(m)["scaleTargetRef"], "name", "flights-gone")),
    ("autoscalers", "set back", lambda m: _set(_one(m, "Deployment", "flights-lake")["spec"], "replicas", 1)),
    ("autoscalers", "more than its most", lambda m: _set(_hpa(m), "minReplicas", 9)),
    ("autoscalers", "too: keep one", lambda m: m.append(_second_autoscaler(m))),
    ("budgets", "0 disruption budgets", lambda m: _without(m, "PodDisruptionBudget", "flights-lake")),
    ("budgets", "hold up a drain", lambda m: _set(_one(m, "PodDisruptionBudget", "lag")["spec"], "maxUnavailable", 0)),
    ("roles", "wildcard", lambda m: m.append(_role("*", "a", "get"))),
    ("roles", "'escalate'", lambda m: m.append(_role("", "a", "escalate"))),
    ("roles", "opens secrets", lambda m: m.append(_role("", "secrets", "get"))),
    ("bindings", "binds cluster-admin", lambda m: m.append(_binding("cluster-admin", "us"))),
    ("bindings", "which is everybody", lambda m: m.append(_binding("viewer", "system:authenticated"))),
    ("secrets", "its content in a manifest", lambda m: m.append(_secret())),
    ("secrets", "looks like a secret", lambda m: _variable(m, "HEADRACE_KAFKA_PASSWORD", "hunter2")),
    ("secrets", "looks like a secret", lambda m: _variable(m, "HEADRACE_PROXY", "http://me:hunter2@proxy:80")),
    ("ownership", "have no label", lambda m: _labels(m).pop("headrace.dev/tenant")),
    ("ownership", "lives in", lambda m: _set(_labels(m), "headrace.dev/tenant", "other")),
    ("bounds", "is not made here", lambda m: _without(m, "Namespace", "headrace-default")),
    ("bounds", "without ResourceQuota", lambda m: _without(m, "ResourceQuota", "tenant")),
    ("bounds", "without LimitRange", lambda m: _without(m, "LimitRange", "tenant")),
    ("bounds", "must be `restricted`", lambda m: _set(_namespace(m), PSA, "baseline")),
    ("bounds", "does not say whose", lambda m: _set(_namespace(m), "headrace.dev/tenant", "other")),
    ("room", "60 of pods, and all replicas with a roll-out take 61", lambda m: _set(_hpa(m), "maxReplicas", 39)),
    ("room", "64Gi of requests.storage, and all replicas with a roll-out take 68Gi", lambda m: _set_claim(m, "17Gi")),
    ("room", "0 of services.loadbalancers", lambda m: _set(_service(m)["spec"], "type", "LoadBalancer")),
    ("closed", "denies everything else", lambda m: _without(m, "NetworkPolicy", "flights-default-deny")),
    ("holes", "opens all ports", lambda m: _hole(m, "flights-to-dns").pop("ports")),
    ("holes", "must leave out", lambda m: _to_kafka(m)["ipBlock"].pop("except")),
]  # fmt: skip


def _hpa(manifests: Spoiled) -> dict[str, Any]:
    spec: dict[str, Any] = _one(manifests, "HorizontalPodAutoscaler", "flights-inference")["spec"]
    return spec


def _second_autoscaler(manifests: Spoiled) -> dict[str, Any]:
    manifest = _one(manifests, "HorizontalPodAutoscaler", "flights-lake")
    return deepcopy(manifest) | {"metadata": {**manifest["metadata"], "name": "again"}}


def _set_claim(manifests: Spoiled, storage: str) -> None:
    (claim,) = _one(manifests, "StatefulSet", "flights-feature-engineering")["spec"]["volumeClaimTemplates"]
    claim["spec"]["resources"]["requests"]["storage"] = storage


def _service(manifests: Spoiled) -> dict[str, Any]:
    return _one(manifests, "Service", "flights-feature-engineering")


def _labels(manifests: Spoiled) -> dict[str, Any]:
    labels: dict[str, Any] = _one(manifests, "Deployment", "flights-ingestion")["spec"]["template"]["metadata"][
        "labels"
    ]
    return labels


def _namespace(manifests: Spoiled) -> dict[str, Any]:
    labels: dict[str, Any] = _one(manifests, "Namespace", "headrace-default")["metadata"]["labels"]
    return labels


def _to_kafka(manifests: Spoiled) -> dict[str, Any]:
    peer: dict[str, Any] = _hole(manifests, "flights-to-kafka")["to"][1]
    return peer


def _hole(manifests: Spoiled, policy: str) -> dict[str, Any]:
    rule: dict[str, Any] = _one(manifests, "NetworkPolicy", policy)["spec"]["egress"][0]
    return rule


@pytest.mark.parametrize(("rule", "said", "spoil"), SPOILS, ids=[f"{rule}: {said}" for rule, said, _ in SPOILS])
def test_what_is_spoiled_is_found(
    rule: str, said: str, spoil: Callable[[Spoiled], object], prod: list[Manifest]
) -> None:
    spoiled: Spoiled = deepcopy([dict(each) for each in prod])
    spoil(spoiled)
    assert [each.message for each in findings(spoiled) if each.rule == rule and said in each.message]


def test_no_rule_is_without_a_spoil() -> None:
    assert {rule for rule, _, _ in SPOILS} - {"digest"} | {"by_digest"} == {
        rule.__name__ if rule.__name__ != "values" else "secrets" for rule in RULES
    }
