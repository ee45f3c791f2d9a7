"""Names that lead nowhere: configuration, secrets, accounts, autoscalers' targets, selectors, ports, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.manifests.objects import (
    WORKLOADS,
    Finding,
    Manifest,
    Manifests,
    Pod,
    name,
    namespace,
    of_kind,
    pods,
    selects,
    where,
)

OUTSIDE = {
    ("Secret", "headrace-credentials"),  # the tenant's, or made by external-secrets
    ("Secret", "kafka-client"),  # cert-manager or an admin
    ("ConfigMap", "kafka-ca"),  # trust-manager or an admin
    ("Secret", "lag-tls"),  # cert-manager or an admin
    ("Secret", "dev-s3"),  # of a development cluster
}
"""What a cluster has without us: secrets are in no manifest."""

_MENDS = {
    "kafka": "list one of kafka-plain, kafka-sasl-tls, kafka-mtls among the components",
    "store": "list one of s3, gcs, azure among the components",
    "connections": "say in the overlay where Kafka and the store are: configMapGenerator `connections`",
}
_SECRETS = "a cluster's own are " + ", ".join(sorted(name for kind, name in OUTSIDE if kind == "Secret"))
_RENDER = "`headrace render FILE --out DIR`, and list DIR last among its components"


def pipeline(manifests: Manifests) -> Iterator[Finding]:
    """The services have a pipeline to work on."""
    without = [(pod, wanted) for pod, _, wanted in _missing(manifests) if _is_pipeline(wanted)]
    if without:
        pod, wanted = without[0]
        others = f" (and {len(without) - 1} more)" if len(without) > 1 else ""
        message = f"takes the ConfigMap {wanted!r}, which nothing makes: the overlay has no pipeline"
        yield Finding("pipeline", pod.where + others, message, _RENDER)


def configuration(manifests: Manifests) -> Iterator[Finding]:
    """Every other ConfigMap and Secret that a pod takes is made here or known to be the cluster's."""
    for pod, kind, wanted in _missing(manifests):
        if not _is_pipeline(wanted):
            message = f"takes the {kind} {wanted!r}, which nothing makes"
            yield Finding("configuration", pod.where, message, _MENDS.get(wanted, _SECRETS if kind == "Secret" else ""))


def _missing(manifests: Manifests) -> Iterator[tuple[Pod, str, str]]:
    made = {(each["kind"], namespace(each), name(each)) for each in of_kind(manifests, "ConfigMap", "Secret")}
    for pod in pods(manifests):
        for kind, wanted in _taken(pod):
            if (kind, wanted) not in OUTSIDE and (kind, pod.namespace, wanted) not in made:
                yield pod, kind, wanted


def _is_pipeline(wanted: str) -> bool:
    return wanted == "pipeline" or wanted.endswith("-pipeline")


def _taken(pod: Pod) -> Iterator[tuple[str, str]]:
    for volume in pod.spec.get("volumes", ()):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
    for container in pod.containers:
        for source in container.get("envFrom", ()):
            for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if key in source:
                    yield kind, source[key]["name"]
        for variable in container.get("env", ()):
            told = variable.get("valueFrom") or {}
            for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                if key in told:
                    yield kind, told[key]["name"]


def volumes(manifests: Manifests) -> Iterator[Finding]:
    """Every mount has its volume, and every volume is mounted."""
    for pod in pods(manifests):
        claims = pod.owner["spec"].get("volumeClaimTemplates", ())
        there = {each["name"] for each in pod.spec.get("volumes", ())} | {name(each) for each in claims}
        mounted = {each["name"] for container in pod.containers for each in container.get("volumeMounts", ())}
        for each in sorted(mounted ^ there):
            what = "is mounted and is no volume" if each in mounted else "is a volume that nobody mounts"
            yield Finding("volumes", pod.where, f"{each} {what}")


def files(manifests: Manifests) -> Iterator[Finding]:
    """A setting that names a file (HEADRACE_…_FILE, _SECRETS) names one below a mount."""
    data = {(namespace(each), name(each)): each.get("data") or {} for each in of_kind(manifests, "ConfigMap")}
    for pod in pods(manifests):
        for container in pod.containers:
            told: dict[str, str] = {}
            for source in container.get("envFrom", ()):
                told |= data.get((pod.namespace, source.get("configMapRef", {}).get("name", "")), {})
            told |= {each["name"]: each.get("value", "") for each in container.get("env", ())}  # which wins
            mounts = [each["mountPath"] for each in container.get("volumeMounts", ())]
            for setting, path in told.items():
                if setting.endswith(("_FILE", "_SECRETS")) and not any(f"{path}/".startswith(f"{m}/") for m in mounts):
                    mend = "list the component that brings it after what it is to change"
                    yield Finding("files", pod.where, f"{setting} is {path}, and nothing is mounted there", mend)


def accounts(manifests: Manifests) -> Iterator[Finding]:
    """Each workload has a ServiceAccount of its own, and a token only where a role is bound to it."""
    made = {(namespace(each), name(each)) for each in of_kind(manifests, "ServiceAccount")}
    bound = {
        (subject.get("namespace", namespace(each)), subject["name"])
        for each in of_kind(manifests, "RoleBinding", "ClusterRoleBinding")
        for subject in each.get("subjects", ())
        if subject["kind"] == "ServiceAccount"
    }
    taken: dict[tuple[str, str], str] = {}
    for pod in pods(manifests):
        account = (pod.namespace, pod.spec.get("serviceAccountName", "default"))
        if account not in made:
            yield Finding("accounts", pod.where, f"its ServiceAccount {account[1]!r} is not made here")
        if taken.setdefault(account, pod.where) != pod.where:
            yield Finding("accounts", pod.where, f"shares its ServiceAccount with {taken[account]}")
        has_token = pod.spec.get("automountServiceAccountToken") is not False
        if has_token and account not in bound:
            yield Finding("accounts", pod.where, "has a token of the API server, and no role is bound to its account")
        if account in bound and not has_token:
            yield Finding("accounts", pod.where, "has no token of the API server, and a role is bound to its account")


def selectors(manifests: Manifests) -> Iterator[Finding]:
    """Services, disruption budgets, policies and monitors choose pods that are there, at ports that they have."""
    for each in of_kind(manifests, "Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
        spec = each["spec"]
        selector = spec.get("podSelector", spec.get("selector"))
        chosen = {"matchLabels": selector} if each["kind"] == "Service" else selector
        here = [pod for pod in pods(manifests) if pod.namespace == namespace(each) and selects(chosen, pod.labels)]
        if not here:
            yield Finding("selectors", where(each), "chooses no pod")
        for port in _named_ports(each):
            for pod in here:
                if port not in {p.get("name") for c in pod.containers for p in c.get("ports", ())} and pod.runs_on:
                    yield Finding("selectors", where(each), f"names the port {port!r}, which {pod.where} has not")


def _named_ports(each: Manifest) -> set[str]:
    spec: Mapping[str, Any] = each["spec"]
    found = [port.get("targetPort") for port in spec.get("ports", ())]
    found += [port.get("port") for rule in spec.get("ingress") or () for port in rule.get("ports", ())]
    found += [port.get("port") for port in spec.get("podMetricsEndpoints", ())]
    return {port for port in found if isinstance(port, str)}


def autoscalers(manifests: Manifests) -> Iterator[Finding]:
    """An autoscaler's target is there, is its alone, and leaves the number of replicas to it."""
    workloads = {(each["kind"], namespace(each), name(each)): each for each in of_kind(manifests, *WORKLOADS)}
    taken: dict[tuple[str, str, str], str] = {}
    for each in of_kind(manifests, "HorizontalPodAutoscaler", "ScaledObject"):
        target = each["spec"]["scaleTargetRef"]
        key = (target["kind"], namespace(each), target["name"])
        if key not in workloads:
            yield Finding("autoscalers", where(each), f"scales {target['kind']} {target['name']}, which is not here")
            continue
        if taken.setdefault(key, where(each)) != where(each):
            yield Finding("autoscalers", where(each), f"its target is scaled by {taken[key]} too: keep one")
        if "replicas" in workloads[key]["spec"]:
            yield Finding("autoscalers", where(workloads[key]), "has `replicas`, which an apply would set back")
        least = each["spec"].get("minReplicas", each["spec"].get("minReplicaCount", 1))
        most = each["spec"].get("maxReplicas", each["spec"].get("maxReplicaCount", 1))
        if least > most:
            yield Finding("autoscalers", where(each), f"its least ({least}) is more than its most ({most})")
