"""What Kustomize renders of this checkout, with the digests of images that were built here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import build, kustomize_ready

from rig.cluster.kube import Object

OVERLAY = PROJECT_ROOT / "kustomize" / "overlays" / "local"
ADMIN = (PROJECT_ROOT / "k8s", PROJECT_ROOT / "k8s" / "external-metrics")
_UNKNOWN = "@sha256:" + 64 * "0"


def rendered(folder: Path, digests: Mapping[str, str], say: Callable[[str], None]) -> list[Object]:
    """The objects of a kustomization; `digests` has those of images by name, for places that are still empty."""
    objects = [dict(found) for found in build(kustomize_ready(cache_folder(), say), folder)]
    for container in (each for found in objects for each in _containers(found)):
        name, _, _ = container["image"].partition("@")
        if container["image"].endswith(_UNKNOWN):
            container["image"] = f"{name}@{digests[name.rpartition('/')[2]]}"
    return objects


def _containers(found: Any) -> Iterator[Object]:
    """Every container of an object, wherever its pod template lies."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key in ("containers", "initContainers"):
                yield from value
            else:
                yield from _containers(value)
    elif isinstance(found, list):
        for value in found:
            yield from _containers(value)
