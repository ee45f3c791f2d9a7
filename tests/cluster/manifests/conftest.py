"""The manifests on a real API server: one administrator for all of these tests, and overlays that come and go."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from cluster.manifests.shown import Shown
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube

_SECONDS = 150


@pytest.fixture(scope="package")
def shown(
    own_cluster: Cluster | None, control_plane: Kube, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shown]:
    """The cluster with what an administrator applies; nothing of it stays."""
    kubectl = own_cluster.kubectl if own_cluster is not None else shutil.which("kubectl")
    assert kubectl is not None, "no kubectl on PATH for the cluster that KUBECONFIG names"
    folder = tmp_path_factory.mktemp("shown")
    environment = {**os.environ, "KUBECACHEDIR": str(folder / "cache")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(kubectl), "--kubeconfig", str(control_plane.kubeconfig), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)

    shown = Shown(control_plane, run, folder)
    shown.expect_nothing()
    try:
        shown.begin()
        yield shown
    finally:
        shown.end()
