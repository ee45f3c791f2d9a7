"""`python -m rig.cluster up [--control-plane] [ARCHIVE …] | down | status`: a Kubernetes that is left for a person.

Its data and `kubeconfig` lie in `.headrace/cluster`; ARCHIVEs (OCI or docker) are images that its node shall have.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.endings import as_ctrl_c
from headrace.local.lock import holder_of
from headrace.local.places import state_folder

from rig.cluster.cluster import Cluster
from rig.cluster.start import down, leave_running


def main() -> None:
    """Do what was asked; ends with 1 and one message when it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m rig.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a cluster and leave it running")
    up.add_argument("--control-plane", action="store_true", help="without a node: no pods run")
    up.add_argument("archives", nargs="*", type=Path, metavar="ARCHIVE", help="images for the node, OCI or docker")
    commands.add_parser("down", help="end it and leave nothing behind")
    commands.add_parser("status", help="say whether it runs; ends with 3 when it does not")
    asked = parser.parse_args()
    folder = state_folder() / "cluster"
    try:
        with as_ctrl_c():
            if asked.command == "up":
                _up(folder, node=not asked.control_plane, archives=asked.archives)
            elif asked.command == "down":
                print("The cluster has ended" if down(folder) else f"No cluster runs in {folder}")
            else:
                sys.exit(_status(folder))
    except StackError as error:
        sys.exit(f"rig.cluster: {error}")
    except KeyboardInterrupt:
        sys.exit("rig.cluster: interrupted; nothing was left behind")


def _up(folder: Path, *, node: bool, archives: list[Path]) -> None:
    absent = [str(archive) for archive in archives if not archive.is_file()]
    if absent:
        raise StackError(f"no such image archive: {', '.join(absent)}")
    began = time.monotonic()
    cluster = leave_running(folder, node=node, archives=[archive.resolve() for archive in archives], say=_say)
    _say(f"Ready in {time.monotonic() - began:.1f} s; use it with\n\n  export KUBECONFIG={cluster.kubeconfig}\n")
    _say(f"kubectl is {cluster.kubectl}; `make cluster-down` ends the cluster")


def _status(folder: Path) -> int:
    if holder_of(folder) is None:
        print(f"No cluster runs in {folder}")
        return 3
    cluster = Cluster(folder)
    print(f"A cluster runs: KUBECONFIG={cluster.kubeconfig}, {cluster.memory() >> 20} MiB")
    print(cluster.run("kubectl", f"--kubeconfig={folder / 'config/admin.kubeconfig'}", "get", "nodes,pods", "-A"))
    return 0


def _say(what: str) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    main()
