"""What the cluster is built from is pinned, and says the same in every place."""

from __future__ import annotations

import re

import yaml
from rig.cluster import network, programs


def test_the_version_that_kubernetes_tells_is_the_one_that_is_pinned() -> None:
    pins = (programs.HERE / "kube" / "go.mod").read_text()
    assert f"k8s.io/kubernetes {programs.KUBERNETES}\n" in pins
    staged = set(re.findall(r"=> k8s\.io/\S+ (v[\d.]+)", pins))
    assert staged == {programs.KUBERNETES.replace("v1.", "v0.")}


def test_pods_are_told_of_the_address_that_the_dns_service_has() -> None:
    manifests = yaml.safe_load_all((programs.HERE / "manifests" / "dns.yaml").read_text())
    (service,) = [manifest for manifest in manifests if manifest["kind"] == "Service"]
    assert service["spec"]["clusterIP"] == network.DNS_SERVICE
