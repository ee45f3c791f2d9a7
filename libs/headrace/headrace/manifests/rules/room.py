"""Room: what a tenant's pipelines take at their most replicas is within its quota."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from headrace.manifests.most import most
from headrace.manifests.objects import Finding, Manifests, namespace, of_kind, quantity, where

_MEND = "fewer partitions, smaller requests, or a larger ResourceQuota by a patch"


def room(manifests: Manifests) -> Iterator[Finding]:
    """Every replica that an autoscaler may ask for, and the one more of a roll-out, has its place in the quota."""
    for quota in of_kind(manifests, "ResourceQuota"):
        taken = most(manifests, namespace(quota))
        for key, hard in quota["spec"]["hard"].items():
            wanted = taken.get(key, Fraction(0))
            if wanted > quantity(hard):
                message = f"allows {hard} of {key}, and all replicas with a roll-out take {_shown(wanted)}"
                yield Finding("room", where(quota), message, _MEND)


def _shown(amount: Fraction) -> str:
    gibi = amount / 2**30
    return f"{float(gibi):g}Gi" if gibi >= Fraction(1, 1024) else f"{float(amount):g}"
