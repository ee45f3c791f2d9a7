"""What the control plane alone does: it is there, it admits and refuses, it scales by a metric from outside."""

from __future__ import annotations

import pytest
from rig.cluster import programs
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, Refused
from rig.cluster.report import Scenario

RESTRICTED = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}

BAD_POD = """
apiVersion: v1
kind: Pod
metadata: {name: bad}
spec:
  hostNetwork: true
  containers:
    - name: main
      image: headrace.test/anything:1
      securityContext: {privileged: true}
"""

GOOD_POD = """
apiVersion: v1
kind: Pod
metadata: {name: good}
spec:
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: main
      image: headrace.test/anything:1
      securityContext:
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL]}
"""


def test_the_api_server_is_of_the_version_that_is_pinned(rig: Cluster, control_plane: Kube, scenario: Scenario) -> None:
    assert control_plane.version == programs.KUBERNETES
    if rig.started_in is not None:
        scenario.figure("started in s", rig.started_in)
    scenario.figure("memory in MiB", rig.memory() / (1 << 20))


def test_a_restricted_namespace_refuses_a_bad_pod_and_says_why(control_plane: Kube, namespace: str) -> None:
    control_plane.patch("v1/Namespace", namespace, RESTRICTED)

    with pytest.raises(Refused) as refusal:
        control_plane.apply(BAD_POD, namespace)

    assert refusal.value.status == 403
    for reason in ("host namespaces", "privileged", "allowPrivilegeEscalation", "runAsNonRoot", "seccompProfile"):
        assert reason in str(refusal.value)


def test_a_restricted_namespace_admits_a_pod_as_the_suites_are(control_plane: Kube, namespace: str) -> None:
    control_plane.patch("v1/Namespace", namespace, RESTRICTED)

    (pod,) = control_plane.apply(GOOD_POD, namespace)

    assert pod["metadata"]["uid"]
