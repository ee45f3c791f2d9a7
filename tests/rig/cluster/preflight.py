"""What this machine must have for a cluster, asked before anything is built or started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from headrace.contract.errors import StackError

from rig.cluster import cgroups
from rig.cluster.namespaces import PRIVATE

_PROGRAMS = {"unshare": "util-linux", "nsenter": "util-linux", "mount": "mount", "ip": "iproute2"}
_ADVICE = "run on a machine that has it, or name a cluster that exists with KUBECONFIG"


def check(folder: Path, cache: Path, *, node: bool) -> None:
    """Return if a cluster can run here with its data in `folder`; raises StackError that names all that is missing."""
    absent = _absent(node=node) or _in_the_way(folder, cache, node=node)
    if absent:
        raise StackError(f"no cluster can run here: {'; '.join(absent)}; {_ADVICE}")


def _absent(*, node: bool) -> list[str]:
    if sys.platform != "linux":
        return [f"it needs Linux, this is {sys.platform}"]
    packages = {package for program, package in _PROGRAMS.items() if shutil.which(program) is None}
    absent = [f"the package {package} is not installed" for package in sorted(packages)]
    if os.geteuid() != 0:
        absent.append("it needs root for namespaces, and this user is not")
    elif not packages and (refusal := _namespaces_refused()):
        absent.append(f"this machine refuses new namespaces ({refusal})")
    if node and (reason := cgroups.missing()):
        absent.append(reason)
    return absent


def _namespaces_refused() -> str:
    command = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "true"]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return "" if tried.returncode == 0 else tried.stderr.strip() or f"exit status {tried.returncode}"


def _in_the_way(folder: Path, cache: Path, *, node: bool) -> list[str]:
    """Folders of ours that the node's own mounts would hide."""
    if not node:
        return []
    ours = {folder: "HEADRACE_STATE", cache: "HEADRACE_CACHE"}
    return [
        f"{path} lies in {place}, which the node has of its own (name another folder with {variable})"
        for path, variable in ours.items()
        for place in PRIVATE
        if path.is_relative_to(place)
    ]
