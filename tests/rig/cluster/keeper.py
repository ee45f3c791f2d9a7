"""`python -m rig.cluster.keeper FOLDER`: holds a cluster's namespaces, and leaves nothing of it behind at the end.

The cluster ends with SIGTERM, with the end of stdin where that is a pipe (whoever wanted the cluster has died), or when
one of its servers does. A keeper that is killed takes the namespaces with it, too; only empty control groups stay, and
the next start or `down` removes them.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import stat
import sys
from pathlib import Path

import psutil
from headrace.contract.errors import StackError
from headrace.local.child import Child
from headrace.local.lock import FolderLock

from rig.cluster import cgroups
from rig.cluster.plan import Plan
from rig.cluster.progress import Progress

_UNSHARE = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child=SIGKILL", "--mount-proc"]
_STDIN = 0
_PATIENCE_SECONDS = 10.0


def main() -> None:
    """Keep the cluster of this folder until it should end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    plan = Plan.read(Path(sys.argv[1]))
    try:
        _keep(plan)
    except (StackError, OSError) as error:
        Progress(plan.progress).failed(str(error))
        sys.exit(str(error))


def _keep(plan: Plan) -> None:
    lock = FolderLock(plan.folder)
    lock.take()
    unshare = shutil.which("unshare")
    if unshare is None:
        raise StackError("unshare is not on the PATH; install util-linux")
    program = [unshare, *_UNSHARE, sys.executable, "-m", "rig.cluster.inside", str(plan.folder)]
    inherited = [lock.descriptor, plan.listener, plan.progress]
    unshared = Child("cluster", program, log=plan.folder / "logs" / "inside.log", keep_open=inherited)
    try:
        if plan.node:
            cgroups.create(plan.cgroup)
        unshared.start()
        os.close(plan.progress)  # so that its reader sees the end when the first process inside is gone
        ends = [os.pidfd_open(unshared.pid)]
        if stat.S_ISFIFO(os.fstat(_STDIN).st_mode):
            ends.append(_STDIN)
        select.select(ends, [], [])
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending
        _end(unshared)
        cgroups.remove(plan.cgroup)


def _end(unshare: Child) -> None:
    """Kill the first process inside with its parent, and wait for it: it goes last of all in its pid namespace."""
    inside = psutil.Process(unshare.pid).children() if unshare.alive else []
    unshare.kill()
    psutil.wait_procs(inside, timeout=_PATIENCE_SECONDS)


if __name__ == "__main__":
    main()
