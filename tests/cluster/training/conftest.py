"""A namespace that takes trainings, and somebody who may train."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.training.lab import Lab
from cluster.training.roles import TRAINER, rules_of
from cluster.training.template import account, cron_job, priority_classes
from rig.cluster.kube import Kube

RESTRICTED = {
    "metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted", "headrace.dev/tenant": "default"}}
}


@pytest.fixture(scope="module", autouse=True)
def _priorities(control_plane: Kube) -> Iterator[None]:
    with priority_classes(control_plane):
        yield


@pytest.fixture
def lab(control_plane: Kube, namespace: str, tmp_path: Path) -> Lab:
    """A restricted namespace with the template, as the component delivers it, for pods that no real node takes."""
    control_plane.patch("v1/Namespace", namespace, RESTRICTED)
    control_plane.apply(account(), namespace)
    job = cron_job("flights")
    job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["nodeSelector"] = {"headrace.test/node": "played"}
    control_plane.apply(job, namespace)
    return Lab(control_plane, namespace, tmp_path)


@pytest.fixture
def ada(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody with the trainers' role."""
    kubeconfig = lab.person(rules_of(TRAINER))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return kubeconfig
