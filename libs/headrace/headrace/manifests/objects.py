"""Rendered manifests as plain data, and what rules look at: pods, whatever makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Manifest = Mapping[str, Any]  # Any: what YAML holds
Manifests = Sequence[Manifest]
Labels = Mapping[str, str]

WORKLOADS = ("Deployment", "StatefulSet")
JOBS = ("Job", "CronJob")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, and what would mend it; `rule` is its name."""

    rule: str
    where: str
    message: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f" ({self.mend})" if self.mend else "")


@dataclass(frozen=True, slots=True)
class Pod:
    """The pods that a workload or job makes."""

    owner: Manifest
    labels: Labels
    annotations: Labels
    spec: Mapping[str, Any]

    @property
    def where(self) -> str:
        """Its owner, as people name it."""
        return where(self.owner)

    @property
    def kind(self) -> str:
        """The kind of its owner."""
        return str(self.owner["kind"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return namespace(self.owner)

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """Its containers, those that only begin it included."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    @property
    def runs_on(self) -> bool:
        """Whether it is meant to run for ever."""
        return self.kind in WORKLOADS


def pods(manifests: Manifests) -> list[Pod]:
    """Every pod template."""
    return [_pod(each) for each in manifests if each["kind"] in (*WORKLOADS, *JOBS, "Pod", "DaemonSet", "ReplicaSet")]


def of_kind(manifests: Manifests, *kinds: str) -> list[Manifest]:
    """The manifests of these kinds."""
    return [each for each in manifests if each["kind"] in kinds]


def name(manifest: Manifest) -> str:
    """Its name."""
    return str(manifest["metadata"]["name"])


def namespace(manifest: Manifest) -> str:
    """Its namespace, "" where it has none."""
    return str(manifest["metadata"].get("namespace", ""))


def labels(manifest: Manifest) -> Labels:
    """Its labels."""
    return manifest["metadata"].get("labels") or {}


def where(manifest: Manifest) -> str:
    """Kind, namespace and name, as people write them."""
    place = namespace(manifest)
    return f"{manifest['kind']} {place + '/' if place else ''}{name(manifest)}"


def selects(selector: Mapping[str, Any] | None, found: Labels) -> bool:
    """Whether a label selector (matchLabels, matchExpressions) chooses something with these labels; {} chooses all."""
    chosen = selector or {}
    equal = all(found.get(key) == value for key, value in (chosen.get("matchLabels") or {}).items())
    return equal and all(_expression(each, found) for each in chosen.get("matchExpressions") or ())


def quantity(text: object) -> Fraction:
    """A resource quantity as a number, exactly: `250m`, `2`, `384Mi`."""
    value = str(text)
    for suffix, factor in _SUFFIXES.items():
        if value.endswith(suffix):
            return Fraction(value.removesuffix(suffix)) * factor
    return Fraction(value)


_SUFFIXES: Mapping[str, Fraction] = {
    suffix: Fraction(factor)
    for suffix, factor in (
        *(("Ki", 2**10), ("Mi", 2**20), ("Gi", 2**30), ("Ti", 2**40)),
        *(("m", Fraction(1, 1000)), ("k", 10**3), ("M", 10**6), ("G", 10**9)),
    )
}


def _pod(owner: Manifest) -> Pod:
    if owner["kind"] == "Pod":
        template: Manifest = owner
    elif owner["kind"] == "CronJob":
        template = owner["spec"]["jobTemplate"]["spec"]["template"]
    else:
        template = owner["spec"]["template"]
    metadata = template.get("metadata") or {}
    return Pod(owner, metadata.get("labels") or {}, metadata.get("annotations") or {}, template["spec"])


def _expression(expression: Mapping[str, Any], found: Labels) -> bool:
    key, values = expression["key"], expression.get("values", ())
    match expression["operator"]:
        case "In":
            return found.get(key) in values
        case "NotIn":
            return found.get(key) not in values
        case "Exists":
            return key in found
        case _:  # DoesNotExist
            return key not in found
