"""`python -m rig.cluster.whole`: what `make cluster` does: everything built, then every scenario of tests/cluster.

With KUBECONFIG the scenarios run on the cluster that it names, and build what they need. All that there is to say of it
is in one report; the exit status is not 0 when a scenario fails.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from headrace.contract.errors import StackError
from headrace.local.endings import as_ctrl_c
from headrace.local.places import PROJECT_ROOT, cache_folder, make_folder, state_folder

from rig.cluster import preflight, programs
from rig.cluster.report import Report
from rig.cluster.start import Say
from rig.cluster.summary import summary
from rig.images.build import images_ready

_T = TypeVar("_T")


def main() -> None:
    """Build, run, show."""
    began = time.monotonic()
    try:
        with as_ctrl_c():
            report = _new_report(state_folder() / "cluster")
            _build(report)
            status = _run_scenarios(report.file)
    except StackError as error:
        sys.exit(f"make cluster: {error}")
    except KeyboardInterrupt:
        sys.exit("make cluster: interrupted; nothing was left behind")
    report = Report.read(report.file)
    report.tell("seconds in all", round(time.monotonic() - began, 1))
    print(f"\n{summary(report)}\n{report.file}", flush=True)
    sys.exit(status)


def built(report: Report, name: str, ready: Callable[[Say], _T]) -> _T:
    """What `ready` gives, and its seconds in the report: `warm` where it was given in silence, for it was there."""
    said: list[str] = []

    def say(what: str) -> None:
        said.append(what)
        print(what, flush=True)

    print(f"== {name}", flush=True)
    began = time.monotonic()
    made = ready(say)
    report.tell(name, f"{'cold' if said else 'warm'}, {time.monotonic() - began:.1f} s")
    return made


def _new_report(folder: Path) -> Report:
    make_folder(folder)
    report = Report(folder / "report.json")
    report.tell("began", datetime.now(UTC).isoformat(timespec="seconds"))
    return report


def _build(report: Report) -> None:
    if named := os.environ.get("KUBECONFIG"):
        if not Path(named).is_file():
            raise StackError(f"KUBECONFIG names {named}, and there is no such file")
        return
    preflight.check(state_folder() / "cluster-test", cache_folder(), node=True)
    built(report, "kubernetes", programs.kubernetes_ready)
    built(report, "node", programs.node_ready)
    images = built(report, "images", images_ready)
    report.tell("images, seconds of their builds", sum(image.seconds for image in images))


def _run_scenarios(file: Path) -> int:
    print("== scenarios", flush=True)
    command = [sys.executable, "-m", "pytest", "--verbose", "tests/cluster", f"--cluster-report={file}"]
    # A session of its own: Ctrl-C reaches it once, by us, and it takes its cluster down.
    with subprocess.Popen(command, cwd=PROJECT_ROOT, start_new_session=True) as running:
        try:
            return running.wait()
        except KeyboardInterrupt:
            running.send_signal(signal.SIGINT)
            return running.wait()


if __name__ == "__main__":
    main()
