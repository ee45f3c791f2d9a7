"""`skaffold dev` on the rig's own node, with real builds: in a copy of the tree, so that a test can save files in it.

The cluster is a kind cluster to Skaffold: images are built by the rig's Docker daemon and brought to the node.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml
from headrace.local.child import Child
from headrace.local.places import PROJECT_ROOT, cache_folder
from headrace.manifests.kustomize import kustomize_ready

from rig.cluster.cluster import Cluster
from rig.cluster.kube import wait_for
from rig.cluster.start import Say
from rig.images.engine import Engine
from rig.skaffold import Skaffold, skaffold_ready

_CONTEXT = "kind-headrace"  # by this prefix Skaffold knows what it has before it
_PARTS = ("docker", "examples", "k8s", "kustomize", "libs", "requirements", "services")
WATCHING = "Watching for changes..."
"""What it says when it has done all that a change asks for."""
_CLEAN_UP_SECONDS = 240.0


class Loop:
    """A context manager; it ends as by Ctrl-C, and what it has deployed is taken away by Skaffold."""

    def __init__(self, cluster: Cluster, docker: Engine, scratch: Path, say: Say) -> None:
        self.root = _copy_tree(scratch / "tree")
        kubeconfig = scratch / "kubeconfig"
        kubeconfig.write_text(_as_kind(cluster.kubeconfig.read_text()))
        kustomize = kustomize_ready(cache_folder(), say)
        skaffold = Skaffold(
            skaffold_ready(say),
            kustomize,
            scratch,
            kubectl=cluster.kubectl,
            kubeconfig=str(kubeconfig),
            root=self.root,
        )
        docker.write_client(skaffold.tools / "docker")
        _write_kind(skaffold.tools / "kind", cluster)
        self._child = Child(
            "skaffold",
            ["/usr/bin/env", f"--chdir={self.root}", *skaffold.command("dev", f"--cache-file={scratch / 'cache'}")],
            log=scratch / "skaffold.log",
            environment={**skaffold.environment, "DOCKER_HOST": docker.host},
        )

    def __enter__(self) -> Self:
        self._child.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._child.stop(_CLEAN_UP_SECONDS) != 0 and error is None:
                raise self._child.died()
        finally:
            self._child.kill()

    def said(self) -> str:
        """All that Skaffold has said, the pods' logs among it."""
        return self._child.log.read_text(errors="replace") if self._child.log.exists() else ""

    def save(self, source: str) -> None:
        """Change a source of the copy, to the same effect."""
        file = self.root / source
        file.write_text(f"{file.read_text()}\n# saved\n")

    def wait_until_watching(self, seconds: float) -> float:
        """Return when it waits for changes, and after how many seconds."""
        return self.wait_said(re.escape(WATCHING), seconds)

    def wait_said(self, pattern: str, seconds: float) -> float:
        """Return when it has said something; raises StackError when it ends before."""

        def true() -> bool:
            if not self._child.alive:
                raise self._child.died()
            return re.search(pattern, self.said()) is not None

        return wait_for(true, f"Skaffold says {pattern}", seconds)


def _copy_tree(folder: Path) -> Path:
    for part in _PARTS:
        shutil.copytree(PROJECT_ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("skaffold.yaml", ".dockerignore"):
        shutil.copy(PROJECT_ROOT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def _as_kind(text: str) -> str:
    kubeconfig = yaml.safe_load(text)
    (context,) = kubeconfig["contexts"]
    context["name"] = kubeconfig["current-context"] = _CONTEXT
    return yaml.safe_dump(kubeconfig)


def _write_kind(file: Path, cluster: Cluster) -> None:
    settings = {"KIND_CLUSTER": str(cluster.folder), "PYTHONPATH": str(PROJECT_ROOT / "tests")}
    told = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    file.write_text(f'#!/bin/sh\nexec env {told} {shlex.quote(sys.executable)} -m rig.skaffold.kind "$@"\n')
    file.chmod(0o755)
