"""The command lines of the control plane's servers."""

from __future__ import annotations

from pathlib import Path

from rig.cluster import network
from rig.cluster.credentials import FRONT_PROXY


def etcd(folder: Path) -> list[str]:
    """etcd for the API server alone; a cluster is made anew at every start, so nothing is synced to the disk."""
    peers = "http://127.0.0.1:2380"
    return [
        "etcd",
        "--name=lab",
        f"--data-dir={folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={network.ETCD}",
        f"--advertise-client-urls={network.ETCD}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=lab={peers}",
        "--log-level=warn",
    ]


def apiserver(folder: Path) -> list[str]:
    """The API server with Node and RBAC authorisation, and an aggregation layer that calls pods, not Services."""
    pki = folder / "pki"
    return [
        "kube-apiserver",
        f"--etcd-servers={network.ETCD}",
        "--bind-address=0.0.0.0",
        f"--secure-port={network.API_PORT}",
        f"--advertise-address={network.NODE_ADDRESS}",
        f"--service-cluster-ip-range={network.SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--service-account-issuer=https://kubernetes.default.svc.{network.DOMAIN}",
        f"--service-account-key-file={pki / 'service-accounts.crt'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
        # Straight to the endpoints: without a node nothing answers at a Service's address.
        "--enable-aggregator-routing=true",
        f"--proxy-client-cert-file={pki / FRONT_PROXY}.crt",
        f"--proxy-client-key-file={pki / FRONT_PROXY}.key",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    ]


def controller_manager(folder: Path) -> list[str]:
    """Every controller; autoscalers look every 2 s instead of 15, and a silent node is Unknown after 20 s."""
    pki, config = folder / "pki", folder / "config" / "controller-manager.kubeconfig"
    return [
        "kube-controller-manager",
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--use-service-account-credentials",
        "--kube-api-qps=300",  # the default, 20, makes their start alone take 5 s
        "--kube-api-burst=600",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--horizontal-pod-autoscaler-sync-period=2s",
        "--node-monitor-grace-period=20s",
    ]


def scheduler(folder: Path) -> list[str]:
    """The default scheduler."""
    config = folder / "config" / "scheduler.kubeconfig"
    return [
        "kube-scheduler",
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]
