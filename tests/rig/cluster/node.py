"""The node's servers: their configuration files and command lines."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from rig.cluster import network

SOCKET = "/run/containerd/containerd.sock"
PAUSE_IMAGE = "headrace.test/pause:1"

_CONTAINERD = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0

[grpc]
address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
disable_apparmor = true
restrict_oom_score_adj = true  # root may lack CAP_SYS_RESOURCE
enable_unprivileged_ports = true  # a server that is not root may listen on port 53

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{networks}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""


def write_node_configs(folder: Path, debian: Path, cgroup: str) -> None:
    """Write `config/{containerd.toml,kubelet.yaml,kube-proxy.yaml,resolv.conf}` and `config/net.d/`."""
    config = folder / "config"
    networks = config / "net.d"
    networks.mkdir()
    (config / "containerd.toml").write_text(
        _CONTAINERD.format(socket=SOCKET, pause=PAUSE_IMAGE, plugins=debian / "usr/lib/cni", networks=networks)
    )
    (networks / "pods.conflist").write_text(json.dumps(_pod_network()))
    (config / "kubelet.yaml").write_text(yaml.safe_dump(_kubelet(folder, cgroup)))
    (config / "kube-proxy.yaml").write_text(yaml.safe_dump(_kube_proxy(folder)))
    (config / "resolv.conf").write_text("")  # no server outside: names of the cluster are all there is


def containerd(folder: Path) -> list[str]:
    """The container runtime."""
    return ["containerd", "--config", str(folder / "config" / "containerd.toml")]


def kubelet(folder: Path) -> list[str]:
    """The node's agent."""
    config = folder / "config"
    return [
        "kubelet",
        f"--config={config / 'kubelet.yaml'}",
        f"--kubeconfig={config / 'kubelet.kubeconfig'}",
        f"--hostname-override={network.NODE}",
        f"--node-ip={network.NODE_ADDRESS}",
    ]


def kube_proxy(folder: Path) -> list[str]:
    """What makes Services reachable."""
    return ["kube-proxy", f"--config={folder / 'config' / 'kube-proxy.yaml'}"]


def _pod_network() -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": network.NODE_PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]}


def _kubelet(folder: Path, cgroup: str) -> dict[str, object]:
    pki = folder / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # a negative one needs CAP_SYS_RESOURCE
        "enforceNodeAllocatable": ["pods"],
        "imageGCHighThresholdPercent": 100,  # never: an image that went could not be pulled again
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "clusterDNS": [network.DNS_SERVICE],
        "clusterDomain": network.DOMAIN,
        "resolvConf": str(folder / "config" / "resolv.conf"),
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "nodeStatusUpdateFrequency": "2s",
        "syncFrequency": "5s",
        "volumeStatsAggPeriod": "0s",
        "crashLoopBackOff": {"maxContainerRestartPeriod": "5s"},
        "maxPods": 200,
        "podLogsDir": str(folder / "logs" / "pods"),
        "volumePluginDir": str(folder / "config" / "volume-plugins"),
    }


def _kube_proxy(folder: Path) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": network.PODS,
        "hostnameOverride": network.NODE,
        "oomScoreAdj": 0,
        "conntrack": {"maxPerCore": 0, "min": 0},  # the machine's own limits stay
        "clientConnection": {"kubeconfig": str(folder / "config" / "kube-proxy.kubeconfig")},
    }
