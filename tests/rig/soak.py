"""`python -m rig.soak`: hours with a fault a minute; what grows shows in the slopes of memory and descriptors.

HOURS=h (1) SEED=s (1) RATE=records a second (15). The report is saved beside that of the campaigns.
In the last 40 minutes no fault ends a process: without any that lived for half an hour the verdict is dull.
Ends with 0 for pass, 1 for fail, 3 for dull.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from headrace.contract.errors import StackError
from headrace.local.places import state_folder

from rig.failpoints.points import SERVICES
from rig.faults.disk import CannotBreak
from rig.faults.kept import ran
from rig.faults.leg import Leg, end_cleanly_when_told, run_leg
from rig.faults.schedule import GENTLE_SECONDS, draw_soak

MEMORY_SLOPE = 64 << 20  # bytes an hour
FILES_SLOPE = 4.0  # descriptors an hour
_JUDGED = 85_000  # bytes of memory that the judge takes for a record: it compares all of them, at every hop, at once
_SHORT = 0.5  # hours: below, a process is still filling its caches, and a slope says little


def main() -> None:
    """Soak, print and save the report."""
    end_cleanly_when_told()
    try:
        hours = float(os.environ.get("HOURS") or 1)
        seed = int(os.environ.get("SEED") or 1)
        rate = float(os.environ.get("RATE") or 15)
    except ValueError as error:
        sys.exit(f"rig.soak: HOURS, SEED or RATE is wrong: {error}")
    if hours * 3600 <= GENTLE_SECONDS:
        sys.exit(
            f"rig.soak: HOURS={hours:g} has no room before the {GENTLE_SECONDS / 60:g} minutes that end no process"
        )
    needed, available = int(hours * 3600 * rate * _JUDGED), psutil.virtual_memory().available
    if needed > available:
        sys.exit(
            f"rig.soak: to judge {hours * 3600 * rate:,.0f} records takes {needed >> 30} GiB of memory, and"
            f" {available >> 30} are free: lower HOURS or RATE"
        )
    folder = Path(tempfile.mkdtemp(prefix="headrace-soak-"))
    schedule = draw_soak(seed, hours * 3600)
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"  {time.monotonic() - began:7.1f} s  {what}", flush=True)

    print(f"{hours:g} h, {len(schedule.faults)} faults, seed {seed}; logs and data in {folder}", flush=True)
    try:
        leg = run_leg(schedule, folder, rate=rate, seconds=hours * 3600 + 600, say=say)
    except (CannotBreak, StackError) as error:
        sys.exit(f"rig.soak: {error}")
    report = {"asked": {"hours": hours, "seed": seed, "rate": rate}, "ran": [ran()], **report_of(leg)}
    file = state_folder() / "faults" / "soak.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1, default=str), encoding="utf-8")
    shown = ("verdict", "growing", "unseen", "slopes", "problems", "kills")
    print(json.dumps({name: report[name] for name in shown}, indent=1))
    print(f"verdict: {report['verdict']}; the whole report is in {file}")
    sys.exit({"pass": 0, "fail": 1, "dull": 3}[report["verdict"]])


def report_of(leg: Leg) -> dict[str, Any]:
    """The leg; what grew without end, by a slope above the bound; of which services no process lived for long."""
    growing = [
        f"{slope.instance} grew by {slope.memory / (1 << 20):.0f} MiB and {slope.files:.1f} files an hour"
        for slope in leg.slopes
        if slope.hours >= _SHORT and (slope.memory > MEMORY_SLOPE or slope.files > FILES_SLOPE)
    ]
    seen = {slope.instance.rpartition("-")[0] for slope in leg.slopes if slope.hours >= _SHORT}
    unseen = [service for service in SERVICES if service not in seen]
    said = leg.to_json()
    verdict = "fail" if growing else "dull" if unseen and said["verdict"] == "pass" else said["verdict"]
    return {**said, "verdict": verdict, "growing": growing, "unseen": unseen}


if __name__ == "__main__":
    main()
