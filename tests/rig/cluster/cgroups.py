"""The control groups of one cluster (version 1): one folder in every hierarchy, gone with the cluster."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from headrace.contract.errors import StackError

_PATIENCE_SECONDS = 10.0  # how long the processes of a killed cluster may take to leave their groups
_V1, _V2 = "cgroup", "cgroup2"  # a machine with version 1 may have 2 beside it, without controllers
_NEEDED = ("cpu", "memory", "pids")


def group_name(folder: Path) -> str:
    """What the groups of the cluster in this folder are called: the same at every start."""
    return f"headrace-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"


def hierarchies(*kinds: str) -> dict[str, Path]:
    """Where each hierarchy of these kinds of file system is mounted, by the names of the controllers in it."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return {Path(place).name: Path(place) for _, place, kind, *_ in mounts if kind in kinds}


def missing() -> str:
    """Why no node can run here; empty when it can."""
    absent = [name for name in _NEEDED if name not in hierarchies(_V1)]
    return f"control groups of version 1 ({', '.join(absent)}) are not mounted" if absent else ""


def create(name: str) -> None:
    """Make the groups, after removing what a killed cluster has left."""
    remove(name)
    for controller, place in hierarchies(_V1, _V2).items():
        group = place / name
        group.mkdir()
        if controller == "cpuset":  # a new one is empty, and no process may enter it
            for setting in ("cpuset.cpus", "cpuset.mems"):
                (group / setting).write_text((place / setting).read_text())


def remove(name: str) -> None:
    """Remove the groups once their processes are gone; raises StackError when they stay."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for place in hierarchies(_V1, _V2).values():
        while not _removed(place / name):
            if time.monotonic() > deadline:
                raise StackError(f"processes are still in the control group {place / name}; end them")
            time.sleep(0.05)


def _removed(group: Path) -> bool:
    if not group.exists():
        return True
    children = sorted((p for p in group.rglob("*") if p.is_dir()), reverse=True)
    try:
        for folder in [*children, group]:
            folder.rmdir()
    except OSError:  # a process is in it still
        return False
    return True
