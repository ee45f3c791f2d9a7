"""Who reaches whom, by the network policies alone: an evaluator of networking.k8s.io/v1 NetworkPolicy.

A connection passes when the source's policies let it out and the target's let it in; a pod that no policy of a
direction chooses is open in it (https://kubernetes.io/docs/concepts/services-networking/network-policies/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from headrace.manifests.objects import Labels, Manifests, labels, name, namespace, of_kind, pods, selects


@dataclass(frozen=True, slots=True)
class Place:
    """A pod, or, without a namespace, an address outside the cluster's pods."""

    called: str
    namespace: str = ""
    labels: Labels = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)  # by name
    address: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """The policies of a cluster and the labels of its namespaces."""

    policies: Manifests
    namespaces: Mapping[str, Labels]

    def passes(self, source: Place, target: Place, port: int, protocol: str = "TCP") -> bool:
        """Whether `source` may open a connection to this port of `target`."""
        out = self._direction(source, target, target, port, protocol, "Egress")
        return out and self._direction(target, source, target, port, protocol, "Ingress")

    def _direction(self, own: Place, peer: Place, target: Place, port: int, protocol: str, way: str) -> bool:
        chosen = [each["spec"] for each in self.policies if self._chooses(each, own) and way in _types(each["spec"])]
        if not own.namespace or not chosen:
            return True
        rules, peers = ("egress", "to") if way == "Egress" else ("ingress", "from")
        return any(
            _port_matches(rule.get("ports"), target, port, protocol) and self._peer_matches(rule.get(peers), peer, own)
            for spec in chosen
            for rule in spec.get(rules) or ()
        )

    def _chooses(self, policy: Mapping[str, Any], place: Place) -> bool:
        return namespace(policy) == place.namespace and selects(policy["spec"]["podSelector"], place.labels)

    def _peer_matches(self, peers: Sequence[Mapping[str, Any]] | None, peer: Place, own: Place) -> bool:
        return not peers or any(self._is(each, peer, own) for each in peers)

    def _is(self, wanted: Mapping[str, Any], peer: Place, own: Place) -> bool:
        if "ipBlock" in wanted:
            return bool(peer.address) and _within(wanted["ipBlock"], peer.address)
        if not peer.namespace:
            return False
        if "namespaceSelector" in wanted:
            there = selects(wanted["namespaceSelector"], self.namespaces.get(peer.namespace, {}))
        else:
            there = peer.namespace == own.namespace
        return there and selects(wanted.get("podSelector"), peer.labels)


def network(manifests: Manifests, others: Mapping[str, Labels]) -> Network:
    """The policies of rendered manifests; `others` are namespaces that exist besides, with their labels."""
    made = {name(each): labels(each) for each in of_kind(manifests, "Namespace")}
    known = {**others, **made}
    named = {place: {"kubernetes.io/metadata.name": place, **found} for place, found in known.items()}
    return Network(of_kind(manifests, "NetworkPolicy"), named)


def places(manifests: Manifests) -> dict[str, Place]:
    """The pods of rendered manifests, by the name of what makes them."""
    found = {}
    for pod in pods(manifests):
        ports = {p["name"]: p["containerPort"] for container in pod.containers for p in container.get("ports", ())}
        found[name(pod.owner)] = Place(name(pod.owner), pod.namespace, pod.labels, ports)
    return found


def _types(spec: Mapping[str, Any]) -> Sequence[str]:
    return spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _port_matches(ports: Sequence[Mapping[str, Any]] | None, target: Place, port: int, protocol: str) -> bool:
    return not ports or any(_one_port(each, target, port, protocol) for each in ports)


def _one_port(wanted: Mapping[str, Any], target: Place, port: int, protocol: str) -> bool:
    if wanted.get("protocol", "TCP") != protocol:
        return False
    first = wanted.get("port")
    if first is None:
        return True
    if isinstance(first, str):
        return target.ports.get(first) == port
    return bool(first <= port <= wanted.get("endPort", first))


def _within(block: Mapping[str, Any], address: str) -> bool:
    found = ip_address(address)
    left_out = any(found in ip_network(each) for each in block.get("except", ()))
    return found in ip_network(block["cidr"]) and not left_out
