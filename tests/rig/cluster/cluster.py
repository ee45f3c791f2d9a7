"""A cluster that runs, from outside."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

import psutil
from headrace.contract.errors import StackError
from headrace.local.lock import holder_of

from rig import debian
from rig.cluster import images, network
from rig.cluster.enter import listen_inside, run_inside
from rig.cluster.plan import Plan


class Cluster:
    """A cluster that runs in `folder`; its API server is reached with the file `kubeconfig`.

    `started_in` is how many seconds its start took, where this process started it.
    """

    def __init__(self, folder: Path, started_in: float | None = None) -> None:
        self.folder = folder
        self.started_in = started_in
        self.kubeconfig = folder / "kubeconfig"

    @property
    def kubectl(self) -> Path:
        """A kubectl of the cluster's version."""
        return Plan.read(self.folder).kubernetes / "kubectl"

    @property
    def first_process(self) -> int:
        """The id of the first process in the cluster's namespaces; raises StackError when the cluster does not run."""
        keeper = holder_of(self.folder)
        if keeper is None:
            raise StackError(f"no cluster runs in {self.folder}; start one with `make cluster-up`")
        (unshare,) = psutil.Process(keeper).children()
        (first,) = unshare.children()
        pid: int = first.pid
        return pid

    def memory(self) -> int:
        """Bytes that the cluster's processes, pods included, have in memory; what they share counts once."""
        everyone = psutil.Process(self.first_process).children(recursive=True)
        shares: list[int] = [process.memory_full_info().pss for process in everyone]
        return sum(shares)

    def run(self, *command: str, seconds: float = 120.0) -> str:
        """Run a program in the cluster's namespaces, with the node's programs first; returns what it printed.

        Raises StackError with its own words when it fails.
        """
        plan = Plan.read(self.folder)
        environment = debian.environment(plan.debian) if plan.debian is not None else dict(os.environ)
        # Before its mounts are entered: the program is looked for from inside, by its whole path.
        program = shutil.which(command[0], path=f"{plan.kubernetes}:{environment['PATH']}") or command[0]
        return run_inside(self.first_process, [program, *command[1:]], environment, seconds)

    def load(self, archives: Sequence[Path]) -> dict[str, str]:
        """Import OCI or docker archives into the node; returns every image of the node with its manifest's digest."""
        return images.load(archives, self.run)

    def listen(self, port: int) -> socket.socket:
        """A socket that listens at the node's address, for a server that runs in this process."""
        return listen_inside(self.first_process, network.NODE_ADDRESS, port)
