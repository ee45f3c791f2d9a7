"""The mounts and the network of a cluster, set up by the first process in its new namespaces."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from rig.cluster import network
from rig.cluster.plan import Plan

VOLUMES = "/var/lib/volumes"  # where a PersistentVolume with a hostPath may lie; kept in the cluster's folder
PRIVATE = ("/run", "/var/lib", "/var/log")  # what the node writes outside its folder
# The kubelet sets these, and they are the machine's, not a namespace's: it gets files that look like them.
_TUNABLES = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def enter(plan: Plan) -> None:
    """Make this process's namespaces those of a node; nothing of it is seen outside."""
    socket.sethostname(network.NODE)
    if plan.node:
        _mount(plan.folder)
    _connect()


def _mount(folder: Path) -> None:
    for place in PRIVATE:
        _run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", place)
    for name, place in {
        "kubelet": "/var/lib/kubelet",
        "containerd": "/var/lib/containerd",
        "volumes": VOLUMES,
    }.items():
        kept = folder / name
        kept.mkdir()
        Path(place).mkdir()
        _run("mount", "--bind", str(kept), place)
    for name in _TUNABLES:
        seen, real = Path("/run/tunables") / name, Path("/proc/sys") / name
        seen.parent.mkdir(parents=True, exist_ok=True)
        seen.write_text(real.read_text())
        _run("mount", "--bind", str(seen), str(real))
    _run("mount", "--make-rshared", "/")  # so that a volume mounted later reaches the containers


def _connect() -> None:
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "node0", "type", "bridge")
    _run("ip", "address", "add", network.NODE_NETWORK, "dev", "node0")
    # A bridge is up only while something is plugged in.
    _run("ip", "link", "add", "plug", "type", "veth", "peer", "name", "socket")
    _run("ip", "link", "set", "plug", "master", "node0", "up")
    _run("ip", "link", "set", "socket", "up")
    _run("ip", "link", "set", "node0", "up")
    _run("ip", "route", "add", "default", "dev", "node0")  # leads nowhere; Services' addresses need a route
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=10)
