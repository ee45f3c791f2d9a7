"""Who reaches whom in the local overlay, by its network policies: every cell of the matrix."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.local.places import PROJECT_ROOT
from headrace.manifests.objects import Manifest
from headrace.manifests.reach import Network, Place, network, places

Build = Callable[[Path], list[Manifest]]

OTHERS: dict[str, dict[str, str]] = {
    "kube-system": {},
    "monitoring": {"headrace.dev/reads-metrics": ""},
    "headrace-other": {"headrace.dev/tenant": "other"},
    "shop": {},
    "headrace-system": {"pod-security.kubernetes.io/enforce": "restricted"},
}
STRANGERS = {
    "dns": Place("dns", "kube-system", {"k8s-app": "kube-dns"}, {}, "10.0.0.9"),
    "prometheus": Place("prometheus", "monitoring", {"app": "prometheus"}, {}, "10.0.0.8"),
    "another tenant": Place(
        "another tenant", "headrace-other", {"app.kubernetes.io/part-of": "headrace"}, {"http": 8080}, "10.0.0.7"
    ),
    "a shop": Place("a shop", "shop", {"app": "shop"}, {"http": 8080}, "10.0.0.6"),
    "a pod in the namespace": Place("a pod in the namespace", "headrace-default", {"app": "x"}, {}, "10.0.0.5"),
    "the internet": Place("the internet", address="203.0.113.7"),
    "the metadata server": Place("the metadata server", address="169.254.169.254"),
    "the API server": Place("the API server", address="10.96.0.1"),
}
DATA_PLANE = [f"flights-{each}" for each in ("ingestion", "cleaning", "feature-engineering", "inference", "lake")]
JOBS = ["flights-topics", "flights-training"]
PORTS = [
    (53, "UDP"),
    (53, "TCP"),
    (80, "TCP"),
    (443, "TCP"),
    (6443, "TCP"),
    (8080, "TCP"),
    (9000, "TCP"),
    (9092, "TCP"),
]

# Whom each may call, and at which ports; what is not named is closed.
OUT: dict[str, dict[str, set[int]]] = {
    **{service: {"kafka": {9092}, "s3": {9000}, "dns": {53}} for service in [*DATA_PLANE, *JOBS]},
    # The API server is no pod and has an address that no manifest knows: its ports are open towards everybody
    "lag": {
        **{stranger: {443, 6443} for stranger in STRANGERS.keys() - {"a pod in the namespace"}},
        "kafka": {9092},
        "dns": {53, 443, 6443},
    },
    "kafka": {},
    "s3": {},
    "a pod in the namespace": {},
}
# Strangers are closed in by nothing of ours: what counts is whom we let in.
INTO: dict[str, dict[str, set[int]]] = {
    "prometheus": {**{service: {8080} for service in DATA_PLANE}, "lag": {8080, 6443}},
    "the API server": {"lag": {6443}},
    "the internet": {"lag": {6443}},  # no pod, so no namespace to go by; it must show the aggregator's certificate
    "another tenant": {"kafka": {9092}, "s3": {9000}, "lag": {6443}},  # there, ACLs and policies tell tenants apart
    "a shop": {"lag": {6443}},
    "dns": {"lag": {6443}},
    "the metadata server": {"lag": {6443}},
}


@pytest.fixture(scope="module")
def local(kustomized: Build) -> tuple[Network, dict[str, Place]]:
    manifests = kustomized(PROJECT_ROOT / "kustomize/overlays/local")
    own = {re.sub("(?<=-topics)-[a-z0-9]{10}$", "", called): place for called, place in places(manifests).items()}
    return network(manifests, OTHERS), own


def test_everybody_of_the_overlay_is_in_the_matrix(local: tuple[Network, dict[str, Place]]) -> None:
    assert set(local[1]) == OUT.keys() - STRANGERS.keys()


@pytest.mark.parametrize("source", OUT)
def test_what_goes_out(source: str, local: tuple[Network, dict[str, Place]]) -> None:
    cluster, own = local
    everybody = {**own, **STRANGERS}
    passing = {
        target: {port for port, protocol in PORTS if cluster.passes(everybody[source], place, port, protocol)}
        for target, place in everybody.items()
        if target != source
    }
    assert {target: found for target, found in passing.items() if found} == {
        target: ports for target, ports in OUT[source].items() if ports
    }


@pytest.mark.parametrize("source", INTO)
def test_what_comes_in(source: str, local: tuple[Network, dict[str, Place]]) -> None:
    cluster, own = local
    passing = {
        target: {port for port, protocol in PORTS if cluster.passes(STRANGERS[source], place, port, protocol)}
        for target, place in own.items()
    }
    assert {target: found for target, found in passing.items() if found} == INTO[source]


def test_without_the_policies_everything_passes(local: tuple[Network, dict[str, Place]]) -> None:
    # So that a closed cell of the matrix is the policies' doing
    _, own = local
    bare = Network([], {})
    assert bare.passes(STRANGERS["a shop"], own["kafka"], 9092)
