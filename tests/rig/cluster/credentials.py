"""Every certificate, key and kubeconfig of one cluster, written into its folder."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from rig.cluster import network
from rig.cluster.pki import Authority, Pair, new_key

_INSIDE = f"https://127.0.0.1:{network.API_PORT}"
_API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{network.DOMAIN}")
FRONT_PROXY = "front-proxy-client"  # as whom the API server calls the servers behind its aggregation layer


def write_credentials(folder: Path, port: int) -> None:
    """Write `pki/` (for the servers), `config/<user>.kubeconfig` (for inside) and `kubeconfig` (for the host).

    `port` is the loopback port at which the host reaches the API server.
    """
    pki, config = folder / "pki", folder / "config"
    cluster, front = Authority("headrace-cluster"), Authority("headrace-front-proxy")
    api_places = ["localhost", *_API_NAMES, "127.0.0.1", network.NODE_ADDRESS, network.API_SERVICE]
    admin = cluster.client("headrace-admin", "system:masters")
    for name, pair in {
        "ca": cluster.pair,
        "front-proxy-ca": front.pair,
        "service-accounts": new_key(),
        "apiserver": cluster.server("kube-apiserver", api_places),
        "apiserver-kubelet-client": cluster.client("kube-apiserver-kubelet-client"),
        FRONT_PROXY: front.client(FRONT_PROXY),
        "kubelet": cluster.server(network.NODE, [network.NODE, network.NODE_ADDRESS]),
        "admin": admin,
    }.items():
        pair.write(pki, name)
    users = {
        "admin": admin,
        "controller-manager": cluster.client("system:kube-controller-manager"),
        "scheduler": cluster.client("system:kube-scheduler"),
        "kubelet": cluster.client(f"system:node:{network.NODE}", "system:nodes"),
        "kube-proxy": cluster.client("system:kube-proxy"),
    }
    for user, pair in users.items():
        _write(config / f"{user}.kubeconfig", _INSIDE, cluster.pair, user, pair)
    _write(folder / "kubeconfig", f"https://127.0.0.1:{port}", cluster.pair, "admin", admin)


def _write(path: Path, server: str, authority: Pair, user: str, pair: Pair) -> None:
    encoded = [base64.b64encode(part).decode() for part in (authority.certificate, pair.certificate, pair.key)]
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "headrace",
        "clusters": [
            {"name": "headrace", "cluster": {"server": server, "certificate-authority-data": encoded[0]}},
        ],
        "users": [{"name": user, "user": {"client-certificate-data": encoded[1], "client-key-data": encoded[2]}}],
        "contexts": [{"name": "headrace", "context": {"cluster": "headrace", "user": user}}],
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
