"""A service's workload on Kubernetes, as far as scaling cares."""

from __future__ import annotations

from dataclasses import dataclass

PART_OF = "app.kubernetes.io/part-of"
SERVICE = "app.kubernetes.io/name"
PIPELINE = "headrace.dev/pipeline"


@dataclass(frozen=True, slots=True)
class Workload:
    """Replicas that are asked for, those that are ready, and whether pods of two versions exist."""

    replicas: int
    ready: int
    rolling_out: bool


def rolling_out(*, seen: bool, replicas: int, updated: int) -> bool:
    """Whether pods are being replaced: the controller has not seen the latest change yet, or old pods are still there.

    A scaling is none: its pods are of the present version from the start.
    """
    return not seen or updated < replicas
