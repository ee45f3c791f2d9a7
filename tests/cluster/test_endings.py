"""However a cluster ends, it leaves no process, namespace, mount or control group behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from headrace.contract.errors import StackError
from headrace.local.lock import holder_of
from rig.cluster import cgroups
from rig.cluster.cluster import Cluster
from rig.cluster.kube import wait_for
from rig.cluster.start import down

pytestmark = pytest.mark.skipif(
    "KUBECONFIG" in os.environ, reason="these are about the rig's own cluster, and KUBECONFIG names another one"
)

TESTS = Path(__file__).parents[1]
RUNS = """
import sys
from pathlib import Path
from rig.cluster.start import running
with running(Path(sys.argv[1]), node=sys.argv[2] == "node", say=print):
    print("up", flush=True)
    sys.stdin.read()
"""
KINDS = ["control plane", pytest.param("node", marks=pytest.mark.node)]


@dataclass(frozen=True)
class Traces:
    """What there is of a running cluster: processes by id and birth, its network namespace, its control groups."""

    processes: list[psutil.Process]
    network: str
    groups: list[Path]

    @classmethod
    def of(cls, cluster: Cluster) -> Traces:
        """Look at a cluster that runs."""
        first = psutil.Process(cluster.first_process)
        name = cgroups.group_name(cluster.folder)
        groups = [place / name for place in cgroups.hierarchies("cgroup", "cgroup2").values()]
        network = str(Path(f"/proc/{first.pid}/ns/net").readlink())
        return cls([first, *first.children(recursive=True)], network, [g for g in groups if g.exists()])

    def left(self) -> list[str]:
        """What of it is still there."""
        networks = {str(link) for link in map(_network, psutil.pids()) if link is not None}
        return [
            *(f"process {process}" for process in self.processes if process.is_running()),
            *([self.network] if self.network in networks else []),
            *(str(group) for group in self.groups if group.exists()),
        ]


def _network(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/ns/net").readlink()
    except OSError:  # it has just ended
        return None


@contextmanager
def somebody_elses(folder: Path, kind: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs a cluster in `folder`, once it is up."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUNS, str(folder), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    with process:
        try:
            assert process.stdout is not None
            assert "up\n" in process.stdout, "it did not come up"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_whose_owner_is_killed_goes_with_it(tmp_path: Path, kind: str) -> None:
    with somebody_elses(tmp_path, kind) as owner:
        traces = Traces.of(Cluster(tmp_path))
        assert len(traces.processes) >= (8 if kind == "node" else 5)
        assert bool(traces.groups) == (kind == "node")

        owner.send_signal(signal.SIGKILL)

        wait_for(lambda: not traces.left(), "nothing left", 20)
        wait_for(lambda: holder_of(tmp_path) is None, "a free folder", 5)
        assert str(tmp_path) not in Path("/proc/mounts").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_whose_keeper_is_killed_goes_with_it_and_down_removes_the_rest(tmp_path: Path, kind: str) -> None:
    with somebody_elses(tmp_path, kind):
        traces = Traces.of(Cluster(tmp_path))
        keeper = holder_of(tmp_path)
        assert keeper is not None

        os.kill(keeper, signal.SIGKILL)
        wait_for(lambda: holder_of(tmp_path) is None, "a free folder", 20)
        assert not down(tmp_path)

        assert not [trace for trace in traces.left() if trace.startswith("/")], "its control groups"
        wait_for(lambda: not traces.left(), "nothing left", 20)


def test_a_cluster_ends_as_a_whole_when_one_of_its_servers_does(tmp_path: Path) -> None:
    with somebody_elses(tmp_path, "control plane"):
        traces = Traces.of(Cluster(tmp_path))
        (scheduler,) = [process for process in traces.processes if process.name() == "kube-scheduler"]

        scheduler.kill()

        wait_for(lambda: not traces.left(), "nothing left", 20)
        assert "kube-scheduler ended by itself" in (tmp_path / "logs" / "inside.log").read_text()


def test_a_start_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    with command(tmp_path, "up") as up:
        assert up.stdout is not None
        assert any("Starting etcd" in line for line in up.stdout)
        keeper = holder_of(tmp_path / "cluster")

        up.send_signal(signal.SIGINT)
        _, said = up.communicate(timeout=30)

    assert (up.returncode, said) == (1, "rig.cluster: interrupted; nothing was left behind\n")
    assert keeper is None or not psutil.pid_exists(keeper)
    assert holder_of(tmp_path / "cluster") is None


def test_a_cluster_that_was_brought_up_stays_until_it_is_taken_down(tmp_path: Path) -> None:
    # Given a cluster that a person has brought up
    assert "Ready in" in told(tmp_path, "up", "--control-plane")
    try:
        # Then it outlives the command, and its kubeconfig works
        cluster = Cluster(tmp_path / "cluster")
        traces = Traces.of(cluster)
        listed = subprocess.run(
            [cluster.kubectl, f"--kubeconfig={cluster.kubeconfig}", "get", "namespaces", "--output=name"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert "namespace/kube-system" in listed.stdout.splitlines()
        assert str(cluster.kubeconfig) in told(tmp_path, "status")
        # And a second one is refused
        assert "a cluster already runs in" in told(tmp_path, "up", status=1)
    finally:
        ended = told(tmp_path, "down")
    # When it is taken down, nothing is left
    assert ended == "The cluster has ended\n"
    assert not traces.left()
    assert "No cluster runs" in told(tmp_path, "status", status=3)
    assert "No cluster runs" in told(tmp_path, "down")


def test_asking_a_cluster_that_does_not_run_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="start one with `make cluster-up`"):
        _ = Cluster(tmp_path).first_process


@contextmanager
def command(state: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m rig.cluster` with a state folder of its own, while it runs."""
    with subprocess.Popen(
        [sys.executable, "-m", "rig.cluster", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS), "HEADRACE_STATE": str(state)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def told(state: Path, *words: str, status: int = 0) -> str:
    """What such a command says, on either stream, when it ends with this status."""
    with command(state, *words) as process:
        out, errors = process.communicate(timeout=120)
    assert process.returncode == status, out + errors
    return out + errors
