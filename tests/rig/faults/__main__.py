"""`python -m rig.faults`: a campaign, leg by leg; what is done already is not done again for the same SEED and KILLS.

KILLS=n (1000) SEED=s (1) MINUTES=m (no limit) RATE=records a second BOUND=seconds to flowing again PACE=seconds from
one fault to the next (1.1). SCHEDULE=line repeats one leg. Ends with 0 for pass, 1 for fail, 3 for dull.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from headrace.contract.errors import StackError

from rig.faults.disk import CannotBreak
from rig.faults.fault import Schedule
from rig.faults.figures import Report, add_up
from rig.faults.kept import ran
from rig.faults.leg import end_cleanly_when_told, run_leg
from rig.faults.schedule import draw_leg, legs
from rig.faults.told import Told

_LEG_SECONDS = 900.0  # in which faults may begin, or as many as its faults are apart


def main() -> None:
    """Run what is left of the campaign, print the report, save it."""
    end_cleanly_when_told()
    try:
        told = Told.read()
        plan = [Schedule.parse(told.schedule)] if told.schedule else draw(told)
    except (ValueError, TypeError, KeyError, OSError) as error:
        sys.exit(f"rig.faults: KILLS, SEED, MINUTES, RATE, PACE or SCHEDULE is wrong: {error!r}")
    try:
        report = campaign(told, plan)
    except (CannotBreak, StackError) as error:
        sys.exit(f"rig.faults: {error}")
    show(report, told.report)
    sys.exit({"pass": 0, "fail": 1, "dull": 3}[report["verdict"]])


def draw(told: Told) -> list[Schedule]:
    """Every leg of the campaign."""
    return [draw_leg(told.seed, leg, told.kills, pace=told.pace) for leg in range(legs(told.kills))]


def campaign(told: Told, plan: list[Schedule]) -> Report:
    """Run the legs that are not done yet; stops early when the minutes are over."""
    kept = told.folder / told.name
    files = [kept / f"leg-{number}.json" for number in range(len(plan))]
    if told.schedule or all(file.exists() for file in files):
        shutil.rmtree(kept, ignore_errors=True)  # it was done to the end: this is another run
    kept.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    deadline = None if told.minutes is None else began + told.minutes * 60
    for number, (schedule, file) in enumerate(zip(plan, files, strict=True), 1):
        if file.exists():
            print(f"leg {number} of {len(plan)} is done already", flush=True)
            continue
        whole = max(_LEG_SECONDS, schedule.faults[-1].at + 60.0)
        left = whole if deadline is None else min(whole, deadline - time.monotonic())
        if left <= 0:
            print(f"the minutes are over: {len(plan) - number + 1} legs are left; the same SEED and KILLS go on there")
            break
        print(f"leg {number} of {len(plan)}: {len(schedule.faults)} faults, to repeat it: SCHEDULE='{schedule.line()}'")
        one_leg(schedule, file, told, left)
    done = [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]
    asked = {"kills": told.kills, "seed": told.seed, "rate": told.rate, "pace": told.pace}
    days = sorted({leg["ran"] for leg in done})
    return {"asked": asked, "ran": days, **add_up(done, len(plan), planted(told.folder))}


def one_leg(schedule: Schedule, file: Path, told: Told, seconds: float) -> None:
    """Run a leg in a folder of its own, which stays when the verdict is fail."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-faults-"))
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"  {time.monotonic() - began:6.1f} s  {what}", flush=True)

    failed = True
    try:
        leg = run_leg(schedule, folder, rate=told.rate, seconds=seconds, say=say, bound=told.bound)
        failed = leg.verdict == "fail"
        said = {"ran": ran(), **leg.to_json()}
        file.write_text(json.dumps(said, indent=1, default=str), encoding="utf-8")
        say(f"verdict {leg.verdict}; {sum(leg.kills.values())} kills; {'; '.join(leg.problems[:5]) or 'no problems'}")
    finally:
        if failed:
            print(f"  logs, events, ledger and data are kept in {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def planted(folder: Path) -> dict[str, int] | None:
    """How many planted bugs were caught in the last run of theirs, None when there was none."""
    file = folder / "planted.json"
    if not file.exists():
        return None
    said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return {"caught": int(said["caught"]), "total": int(said["total"])}


def show(report: Report, file: Path) -> None:
    """Print the report's main figures and save it whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1, default=str), encoding="utf-8")
    most = ("hops", "grid", "schedules", "versions", "exit_statuses")
    print(json.dumps({name: value for name, value in report.items() if name not in most}, indent=1, default=str))
    print(f"verdict: {report['verdict']}; the whole report is in {file}")


if __name__ == "__main__":
    main()
