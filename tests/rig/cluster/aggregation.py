"""A server of the test's own process behind the API server's aggregation layer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.cluster import network
from rig.cluster.cluster import Cluster
from rig.cluster.kube import Kube, Object, condition, wait_for
from rig.cluster.metrics_server import GROUP, VERSION, MetricsServer
from rig.cluster.pki import Authority

_NAME = "metrics"
_API_SERVICE = "apiregistration.k8s.io/v1/APIService"
PORT = 6444


@contextmanager
def behind_aggregation_layer(cluster: Cluster, kube: Kube, namespace: str, folder: Path) -> Iterator[MetricsServer]:
    """A metrics server that the API server has found; whom it believes, it asks the cluster as every such server does.

    `folder` takes its certificate. The registration is undone at the end.
    """
    told = kube.get("v1/ConfigMap", "extension-apiserver-authentication", "kube-system")["data"]
    authority = Authority("headrace-metrics-server")
    pair = authority.server(_NAME, [f"{_NAME}.{namespace}.svc"])
    callers = told["requestheader-client-ca-file"].encode()
    names = set(json.loads(told["requestheader-allowed-names"]))
    api_service = f"{VERSION}.{GROUP}"
    with MetricsServer(cluster.listen(PORT), pair, callers, names, folder) as server:
        try:
            for manifest in _manifests(namespace, authority.pair.certificate):
                kube.apply(manifest, namespace)
            wait_for(lambda: condition(kube.get(_API_SERVICE, api_service), "Available") == "True", api_service)
            yield server
        finally:
            kube.delete(_API_SERVICE, api_service)


def _manifests(namespace: str, authority: bytes) -> list[Object]:
    port = {"name": "https", "port": 443, "targetPort": PORT}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": _NAME}, "spec": {"ports": [port]}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": _NAME, "labels": {"kubernetes.io/service-name": _NAME}},
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": PORT}],
            "endpoints": [{"addresses": [network.NODE_ADDRESS]}],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"{VERSION}.{GROUP}"},
            "spec": {
                "group": GROUP,
                "version": VERSION,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": base64.b64encode(authority).decode(),
                "service": {"name": _NAME, "namespace": namespace, "port": 443},
            },
        },
    ]
