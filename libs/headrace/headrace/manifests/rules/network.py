"""Network policies: closed unless opened, and every hole names its ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.manifests.objects import Finding, Manifests, namespace, of_kind, pods, where

_METADATA = "169.254.0.0/16"


def closed(manifests: Manifests) -> Iterator[Finding]:
    """A tenant's namespace that has policies begins with one that lets nothing through."""
    policies = of_kind(manifests, "NetworkPolicy")
    tenants = {pod.namespace for pod in pods(manifests) if "headrace.dev/tenant" in pod.labels}
    for place in sorted(tenants & {namespace(each) for each in policies}):
        if not any(_denies_all(each["spec"]) for each in policies if namespace(each) == place):
            yield Finding("closed", f"Namespace {place}", "has network policies and none that denies everything else")


def holes(manifests: Manifests) -> Iterator[Finding]:
    """Every rule names its ports; one for everywhere leaves out the cloud's metadata, which hands out credentials."""
    for policy in of_kind(manifests, "NetworkPolicy"):
        for way, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(way) or ():
                if not rule.get("ports"):
                    yield Finding("holes", where(policy), f"a rule of {way} opens all ports")
                for peer in rule.get(peers) or ():
                    block = peer.get("ipBlock") or {}
                    if block.get("cidr") == "0.0.0.0/0" and _METADATA not in block.get("except", ()):
                        yield Finding("holes", where(policy), f"{way} to everywhere must leave out {_METADATA}")


def _denies_all(spec: Mapping[str, Any]) -> bool:
    types = set(spec.get("policyTypes", ()))
    return (
        not spec["podSelector"]
        and types == {"Ingress", "Egress"}
        and not spec.get("ingress")
        and not spec.get("egress")
    )
