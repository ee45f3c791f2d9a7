"""Overlays on one cluster, applied and taken away as an administrator does it: by kubectl, in the guide's order."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml
from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import build, kustomize_ready
from headrace.manifests.pinned import pinned
from rig.cluster.kube import Kube, Object, condition, wait_for
from rig.manifests.schemas import definitions

OVERLAYS = tuple(f"overlays/{each}" for each in ("local", "staging", "prod", "dev"))
TENANTS = ("tenants/blue", "tenants/green")
SYSTEM = "headrace-system"

METRICS = PROJECT_ROOT / "k8s/external-metrics"
ADMIN = (PROJECT_ROOT / "k8s", PROJECT_ROOT / "k8s/gateway", METRICS)
_STAYS = ADMIN[:-1]  # the metrics do not: while nobody serves that API, no namespace can end
_KUSTOMIZE = PROJECT_ROOT / "kustomize"
_NOWHERE = {"headrace.test/nowhere": "yes"}  # no node has this label: pods are made and stay Pending
_CRD = "apiextensions.k8s.io/v1/CustomResourceDefinition"
_GONE_SECONDS = 120.0

Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True, slots=True)
class Applied:
    """An overlay that is applied: its kustomization, what that renders, and what kubectl said at the first apply."""

    overlay: str
    folder: Path
    objects: list[Object]
    first: subprocess.CompletedProcess[str]

    def of_kind(self, *kinds: str) -> list[Object]:
        """Its objects of these kinds."""
        return [each for each in self.objects if each["kind"] in kinds]


class Shown:
    """What is applied to the cluster of `kube`; `folder` is for kustomizations around the overlays."""

    def __init__(self, kube: Kube, kubectl: Kubectl, folder: Path) -> None:
        self.kube = kube
        self.kubectl = kubectl
        self._folder = folder
        self._kustomize = kustomize_ready(cache_folder(), print)
        self._rendered: dict[Path, list[Object]] = {}
        self._applied: dict[str, Applied] = {}
        self._definitions: list[str] = []

    def expect_nothing(self) -> None:
        """Fail where somebody has the suite in this cluster, which `end` would take away."""
        wait_for(self._nothing_is_there, f"the end of an earlier {SYSTEM}", _GONE_SECONDS)

    def begin(self) -> None:
        """Apply what an administrator applies once, and the resource definitions of other projects before it."""
        wanted = list(self._wanted_definitions())
        self._definitions = [each["metadata"]["name"] for each in wanted]
        for each in wanted:
            self.kube.apply(each)
        for name in self._definitions:
            wait_for(partial(self._established, name), f"the resource definition {name}")
        for folder in _STAYS:
            done = self.kubectl("apply", "-k", str(folder))
            assert done.returncode == 0, done.stderr

    def show(self, *overlays: str) -> list[Applied]:
        """Have these applied; another overlay goes, since all of them make the same namespaces."""
        for each in set(overlays).intersection(OVERLAYS):
            for other in set(OVERLAYS).intersection(self._applied) - {each}:
                self.take_away(self._applied.pop(other).folder)
        for each in overlays:
            if each not in self._applied:
                folder = around(_KUSTOMIZE / each, self._folder / each.replace("/", "-"))
                self._applied[each] = Applied(
                    each, folder, self.rendered(folder), self.kubectl("apply", "-k", str(folder))
                )
        return [self._applied[each] for each in overlays]

    def hide(self) -> None:
        """Take all overlays away."""
        for overlay in list(self._applied):
            self.take_away(self._applied.pop(overlay).folder)

    def end(self) -> None:
        """Take everything away."""
        self.take_away(METRICS)
        self.hide()
        for folder in reversed(_STAYS):
            self.take_away(folder)
        for name in self._definitions:
            self.kube.delete(_CRD, name)

    def take_away(self, folder: Path) -> None:
        """Delete a kustomization's objects, as far as they are there, and wait until they are gone."""
        done = self.kubectl("delete", "-k", str(folder), "--ignore-not-found")
        assert done.returncode == 0, done.stderr

    def rendered(self, overlay: str | Path) -> list[Object]:
        """What an overlay or another folder makes, whether it is applied or not."""
        folder = _KUSTOMIZE / overlay
        if folder not in self._rendered:
            self._rendered[folder] = [dict(found) for found in build(self._kustomize, folder)]
        return self._rendered[folder]

    def administered(self) -> list[Object]:
        """What an administrator applies once."""
        return [found for folder in ADMIN for found in self.rendered(folder)]

    def everything(self) -> list[Object]:
        """What all overlays, all tenants and an administrator apply."""
        return [*(found for each in (*OVERLAYS, *TENANTS) for found in self.rendered(each)), *self.administered()]

    def _nothing_is_there(self) -> bool:
        found = self.kube.find("v1/Namespace", SYSTEM)
        assert found is None or found["status"]["phase"] == "Terminating", f"{SYSTEM} is somebody's on this cluster"
        return found is None

    def _wanted_definitions(self) -> Iterator[Object]:
        wanted = {(each["apiVersion"].rpartition("/")[0], each["kind"]) for each in self.everything()}
        wanted.add(("keda.sh", "ScaledObject"))  # of a component that no overlay has chosen
        for each in definitions(cache_folder(), print):
            if (each["spec"]["group"], each["spec"]["names"]["kind"]) in wanted:
                yield each

    def _established(self, name: str) -> bool:
        return condition(self.kube.find(_CRD, name), "Established") == "True"


def around(overlay: Path, folder: Path) -> Path:
    """A kustomization around an overlay, with digests and without a place where its pods could run; it is `folder`."""
    folder.mkdir(exist_ok=True)
    component = yaml.safe_load((_KUSTOMIZE / "overlays/local/images/kustomization.yaml").read_text())
    images = [each["name"].rpartition("/")[2] for each in component["images"]]
    digests = {image: f"sha256:{number:064x}" for number, image in enumerate(images, 1)}
    kustomization = yaml.safe_load(pinned(os.path.relpath(overlay, folder), digests))
    kustomization["patches"] = [
        _placed("(Deployment|StatefulSet|Job)", "/spec/template/spec/nodeSelector"),
        _placed("CronJob", "/spec/jobTemplate/spec/template/spec/nodeSelector"),
    ]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return folder


def _placed(kind: str, path: str) -> Object:
    return {"target": {"kind": kind}, "patch": json.dumps([{"op": "add", "path": path, "value": _NOWHERE}])}
