"""Starting a cluster and ending it, from outside."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local import ports
from headrace.local.lock import holder_of
from headrace.local.places import cache_folder, make_folder

from rig.cluster import cgroups, own_images, preflight, programs
from rig.cluster.cluster import Cluster
from rig.cluster.credentials import write_credentials
from rig.cluster.node import write_node_configs
from rig.cluster.plan import Plan
from rig.cluster.progress import follow

_TESTS = Path(__file__).parents[2]
_MADE = ("pki", "config", "logs")  # anew before every start
_WRITTEN = ("etcd", "kubelet", "containerd", "volumes")  # anew by every cluster
_END_SECONDS = 20.0

Say = Callable[[str], None]
_Started = tuple[subprocess.Popen[bytes], float]  # the keeper, and how many seconds the start took


@contextmanager
def running(folder: Path, *, node: bool, archives: Sequence[Path] = (), say: Say) -> Iterator[Cluster]:
    """A cluster for as long as the block runs or this process lives; `archives` are images that its node has.

    Raises StackError that says what is missing or went wrong; nothing is left behind then.
    """
    keeper, seconds = _start(folder.resolve(), node, archives, say, stdin=subprocess.PIPE)
    try:
        yield Cluster(folder.resolve(), seconds)
    finally:
        _end(keeper)


def leave_running(folder: Path, *, node: bool, archives: Sequence[Path] = (), say: Say) -> Cluster:
    """A cluster that outlives this process and ends with `down`; raises StackError as `running` does."""
    _, seconds = _start(folder.resolve(), node, archives, say, stdin=subprocess.DEVNULL)
    return Cluster(folder.resolve(), seconds)


def down(folder: Path) -> bool:
    """End the cluster that runs in `folder`, if any, and say whether one did; leftovers of a killed one go as well."""
    folder = folder.resolve()
    keeper = holder_of(folder)
    if keeper is not None:
        os.kill(keeper, signal.SIGTERM)
        deadline = time.monotonic() + _END_SECONDS
        while holder_of(folder) is not None:
            if time.monotonic() > deadline:
                raise StackError(f"the cluster in {folder} (pid {keeper}) does not end; end that process")
            time.sleep(0.05)
    cgroups.remove(cgroups.group_name(folder))
    return keeper is not None


def _start(folder: Path, node: bool, archives: Sequence[Path], say: Say, *, stdin: int) -> _Started:
    preflight.check(folder, cache_folder(), node=node)
    if holder_of(folder) is not None:
        raise StackError(f"a cluster already runs in {folder}; end it with `make cluster-down`")
    kubernetes = programs.kubernetes_ready(say)
    node_programs = programs.node_ready(say) if node else None
    began = time.monotonic()
    _prepare(folder)
    cgroup = cgroups.group_name(folder)
    images = list(archives)
    if node_programs is not None:
        write_node_configs(folder, node_programs.debian, cgroup)
        images = [*own_images.ready(node_programs, folder / "images"), *archives]
    reader, writer = os.pipe()
    with contextlib.closing(_listener()) as listener, os.fdopen(writer, "wb"):
        write_credentials(folder, listener.getsockname()[1])
        debian = node_programs.debian if node_programs is not None else None
        Plan(folder, kubernetes, debian, tuple(images), cgroup, listener.fileno(), writer).write()
        keeper = _start_keeper(folder, stdin, [listener.fileno(), writer])
    try:
        follow(reader, say)
    except BaseException as error:  # Ctrl-C too
        _end(keeper)
        if isinstance(error, StackError):
            raise StackError(f"the cluster did not start: {error} (logs: {folder / 'logs'})") from error
        raise
    return keeper, time.monotonic() - began


def _prepare(folder: Path) -> None:
    make_folder(folder)
    for name in (*_MADE, *_WRITTEN):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in _MADE:
        (folder / name).mkdir()
    (folder / "images").mkdir(exist_ok=True)


def _listener() -> socket.socket:
    listener = socket.create_server((ports.LOOPBACK, ports.choose()))
    listener.setblocking(False)
    return listener


def _start_keeper(folder: Path, stdin: int, keep_open: Sequence[int]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(_TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    with (folder / "logs" / "keeper.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "rig.cluster.keeper", str(folder)],
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": path},
            pass_fds=keep_open,
            start_new_session=True,  # Ctrl-C in the terminal is for whoever started it, who then ends it
        )


def _end(keeper: subprocess.Popen[bytes]) -> None:
    if keeper.stdin is not None:
        keeper.stdin.close()
    keeper.terminate()
    try:
        keeper.wait(_END_SECONDS)
    except subprocess.TimeoutExpired as error:
        keeper.kill()  # its cluster dies with it
        keeper.wait()
        raise StackError(f"the cluster's keeper did not end within {_END_SECONDS:.0f} s and was killed") from error
