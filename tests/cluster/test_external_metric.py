"""The real autoscaler on an external metric, through the real aggregation layer and its certificates."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace.contract.errors import StackError
from rig.cluster import network
from rig.cluster.aggregation import PORT, behind_aggregation_layer
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, condition, wait_for
from rig.cluster.metrics_server import GROUP, VERSION, MetricsServer
from rig.cluster.report import Scenario

AUTOSCALER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
METRIC = "headrace_desired_replicas"
NOBODYS = "nobodys"  # a namespace about which no autoscaler asks
HPA = "autoscaling/v2/HorizontalPodAutoscaler"

CALL = """
import ssl, sys, urllib.request
context = ssl._create_unverified_context()
if sys.argv[2:]:
    context.load_cert_chain(*sys.argv[2:])
print(urllib.request.urlopen(sys.argv[1], context=context, timeout=10).status)
"""

SCALED = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: scaled}}
spec:
  selector: {{matchLabels: {{app: scaled}}}}
  template:
    metadata: {{labels: {{app: scaled}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - {{name: main, image: headrace.test/pause:1, imagePullPolicy: Never}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: scaled}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: scaled}}
  minReplicas: 0
  maxReplicas: 12
  metrics:
    - type: External
      external:
        metric:
          name: {METRIC}
          selector: {{matchLabels: {{pipeline: flights, service: cleaning}}}}
        target: {{type: AverageValue, averageValue: "1"}}
  behavior:
    scaleUp:
      tolerance: "0"
      stabilizationWindowSeconds: 0
      policies: [{{type: Pods, value: 12, periodSeconds: 15}}]
    scaleDown: {{tolerance: "0", stabilizationWindowSeconds: 0}}
"""


@pytest.fixture
def metrics(rig: Cluster, control_plane: Kube, namespace: str, tmp_path: Path) -> Iterator[MetricsServer]:
    """A metrics server of this test's behind the aggregation layer, which the API server has found."""
    with behind_aggregation_layer(rig, control_plane, namespace, tmp_path) as server:
        yield server


def replicas(kube: Kube, namespace: str) -> int:
    """How many pods the deployment has been told to have."""
    return int(kube.get("apps/v1/Deployment", "scaled", namespace)["spec"]["replicas"])


def test_an_autoscaler_follows_an_external_metric_and_holds_while_there_is_no_answer(
    metrics: MetricsServer, control_plane: Kube, namespace: str, scenario: Scenario
) -> None:
    # Given a deployment that is scaled by a metric behind the aggregation layer
    metrics.value = 3.0
    control_plane.apply(SCALED, namespace)
    wait_for(lambda: replicas(control_plane, namespace) == 3, "3 replicas")
    assert metrics.asked == {(AUTOSCALER, namespace, METRIC)}

    # When the metric jumps by less than the tenth that an autoscaler overlooks by default, it is followed
    metrics.value = 11.0
    scenario.figure("3 to 11 in s", wait_for(lambda: replicas(control_plane, namespace) == 11, "11 replicas"))
    metrics.value = 12.0
    scenario.figure("11 to 12 in s", wait_for(lambda: replicas(control_plane, namespace) == 12, "12 replicas"))

    # When there is no answer, the autoscaler says so and holds
    metrics.value, metrics.broken = 1.0, 503
    wait_for(lambda: _scaling_active(control_plane, namespace) == "False", "an autoscaler that knows of the failure")
    assert replicas(control_plane, namespace) == 12

    # When there is one again, it goes on; none and back again
    metrics.broken = None
    scenario.figure("12 to 1 in s", wait_for(lambda: replicas(control_plane, namespace) == 1, "1 replica"))
    metrics.value = 0.0
    scenario.figure("1 to 0 in s", wait_for(lambda: replicas(control_plane, namespace) == 0, "no replica"))
    metrics.value = 4.0
    scenario.figure("0 to 4 in s", wait_for(lambda: replicas(control_plane, namespace) == 4, "4 replicas"))


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [(None, "PEER_DID_NOT_RETURN_A_CERTIFICATE"), ("admin", "CERTIFICATE_VERIFY_FAILED")],
    ids=["no certificate", "another authority"],
)
def test_a_metrics_server_is_reached_with_a_certificate_of_the_front_proxys_authority_alone(
    metrics: MetricsServer, rig: Cluster, certificate: str | None, reason: str
) -> None:
    # When somebody else in the cluster's network calls it directly, even with a certificate of the cluster's authority
    files = [str(rig.folder / "pki" / f"{certificate}.{kind}") for kind in ("crt", "key")] if certificate else []
    address = f"https://{network.NODE_ADDRESS}:{PORT}/apis/{GROUP}/{VERSION}/namespaces/{NOBODYS}/{METRIC}"

    with pytest.raises(StackError):
        rig.run(sys.executable, "-I", "-c", CALL, address, *files)

    # Then the handshake failed, and nothing was asked
    assert metrics.turned_away == [reason]
    assert not [question for question in metrics.asked if NOBODYS in question]


def _scaling_active(kube: Kube, namespace: str) -> str:
    return condition(kube.get(HPA, "scaled", namespace), "ScalingActive")
