"""What Kustomize renders of a tree, made ready for a test's cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import build, kustomize_ready

from rig.cluster.kube import Object

_OVERLAY = "kustomize/overlays/local"
_ADMIN = ("k8s", "k8s/external-metrics")
_UNKNOWN = "@sha256:" + 64 * "0"


@dataclass(frozen=True, slots=True)
class Rendering:
    """What the local overlay needs besides its files.

    `digests` has those of images by name, for places that are still empty; `settings` are the lag service's, and
    `authority` (base64 of PEM) is who has signed its certificate.
    """

    digests: Mapping[str, str]
    settings: Mapping[str, str]
    authority: str

    def administrators(self, say: Callable[[str], None]) -> list[Object]:
        """What an administrator applies once."""
        return [found for place in _ADMIN for found in self._rendered(PROJECT_ROOT / place, say)]

    def overlay(self, say: Callable[[str], None], root: Path = PROJECT_ROOT) -> list[Object]:
        """The local overlay of a tree."""
        return list(self._rendered(root / _OVERLAY, say))

    def _rendered(self, folder: Path, say: Callable[[str], None]) -> Iterator[Object]:
        for found in build(kustomize_ready(cache_folder(), say), folder):
            if (found["metadata"].get("annotations") or {}).get("config.kubernetes.io/local-config") != "true":
                yield self._made_ready(dict(found))

    def _made_ready(self, found: Object) -> Object:
        for container in _containers(found):
            name = container["image"].removesuffix(_UNKNOWN)
            if name != container["image"]:
                container["image"] = f"{name}@{self.digests[name.rpartition('/')[2]]}"
        if found["kind"] == "APIService":
            found["spec"]["caBundle"] = self.authority
        if found["kind"] == "Deployment" and found["metadata"]["name"] == "lag":
            (container,) = found["spec"]["template"]["spec"]["containers"]
            container["env"] += [{"name": name, "value": value} for name, value in self.settings.items()]
        return found


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
