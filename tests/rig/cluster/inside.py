"""`python -m rig.cluster.inside FOLDER`: the first process in a cluster's namespaces; with it, the cluster ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from headrace.contract.errors import StackError

from rig import debian
from rig.cluster import control_plane, image_store, namespaces, network, node
from rig.cluster.api import Api, wait_until
from rig.cluster.plan import Plan
from rig.cluster.progress import Progress
from rig.cluster.relay import relay_in_background
from rig.cluster.servers import Servers

_MANIFESTS = Path(__file__).with_name("manifests")
_SECONDS = 90.0  # for each step of the start, on a busy machine


def main() -> None:
    """Bring the cluster up, say so, and stay until one of its servers ends."""
    plan = Plan.read(Path(sys.argv[1]))
    progress = Progress(plan.progress)
    servers = Servers(plan.folder / "logs", _environment(plan))
    try:
        namespaces.enter(plan)
        _bring_up(plan, servers, progress.say)
    except (StackError, OSError) as error:
        progress.failed(str(error))
        sys.exit(1)
    except subprocess.CalledProcessError as error:
        progress.failed(f"`{' '.join(error.cmd)}` failed: {error.stderr.strip()}")
        sys.exit(1)
    progress.ready()
    servers.reap(sys.exit)


def _bring_up(plan: Plan, servers: Servers, say: Callable[[str], None]) -> None:
    folder, api = plan.folder, Api(plan.folder)
    say("Starting etcd and the API server")
    servers.start(control_plane.etcd(folder))
    servers.start(control_plane.apiserver(folder))
    containerd = _start_containerd(plan, servers, say) if plan.node else None

    def wait(true: Callable[[], bool], what: str) -> None:
        wait_until(true, what, _SECONDS, servers.expect_all)

    wait(lambda: api.answers("/readyz"), "a ready API server")
    relay_in_background(socket.socket(fileno=plan.listener), network.API_PORT)
    servers.start(control_plane.controller_manager(folder))
    servers.start(control_plane.scheduler(folder))
    _create(servers, folder, "control-plane.yaml")
    if containerd is not None:
        say("Starting the node")
        _create(servers, folder, "dns.yaml")
        containerd()
        servers.start(node.kubelet(folder))
        servers.start(node.kube_proxy(folder))
        wait(lambda: _node_ready(api), "a ready node")
        say("Waiting for the cluster's DNS")
        wait(lambda: _dns_ready(api), "a ready CoreDNS")
    wait(lambda: api.answers("/api/v1/namespaces/default/serviceaccounts/default"), "the default service account")


def _start_containerd(plan: Plan, servers: Servers, say: Callable[[str], None]) -> Callable[[], None]:
    """Start it with its images, beside what else is started; the answer waits until it answers, and raises."""
    failures: list[StackError] = []

    def start() -> None:
        try:
            store = image_store.store_for(plan.folder, plan.images)
            if not store.exists():
                say("Importing images, once")
                image_store.fill(store, plan.images, servers)
            image_store.link(store, Path("/var/lib/containerd"))
            servers.start(node.containerd(plan.folder))
            wait_until(Path(node.SOCKET).exists, "containerd's socket", _SECONDS, servers.expect_all)
        except (StackError, OSError) as error:
            failures.append(StackError(str(error)))

    thread = threading.Thread(target=start, name="containerd", daemon=True)
    thread.start()

    def started() -> None:
        thread.join()
        if failures:
            raise failures[0]

    return started


def _create(servers: Servers, folder: Path, manifest: str) -> None:
    config = folder / "config" / "admin.kubeconfig"
    servers.run("kubectl", f"--kubeconfig={config}", "create", "-f", str(_MANIFESTS / manifest))


def _node_ready(api: Api) -> bool:
    found = api.get(f"/api/v1/nodes/{network.NODE}")
    conditions = found["status"].get("conditions", []) if found else []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _dns_ready(api: Api) -> bool:
    found = api.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")
    return found is not None and found["status"].get("readyReplicas", 0) >= 1


def _environment(plan: Plan) -> dict[str, str]:
    environment = debian.environment(plan.debian) if plan.debian is not None else dict(os.environ)
    return {**environment, "PATH": f"{plan.kubernetes}:{environment['PATH']}"}


if __name__ == "__main__":
    main()
