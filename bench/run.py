"""`make bench`: the flights and W1 through the services, the hand-written loop beside them, and each service alone.

`python bench/run.py [--events N] [--months M] [--py-spy PROGRAM]`; M = 0 leaves the flights out. The result is printed
and written to .headrace/bench/result.json. The machine may be shared and noisy: compare CPU-seconds and ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flights import run_flights
from headrace.local.stack import Stack
from measure import show_alone, show_work
from w1.alone import run_alone
from w1.end_to_end import run_services
from w1.hand import run_by_hand
from w1.hot_spots import show_hot_spots
from w1.place import Place

_HOME = Path(__file__).resolve().parent.parent / ".headrace" / "bench"
_BEGAN = time.monotonic()


def main() -> None:
    """Run everything once."""
    parser = argparse.ArgumentParser(description="Headrace's benchmarks")
    parser.add_argument("--events", type=int, default=400_000, help="events of W1")
    parser.add_argument("--months", type=int, default=3, help="months of flights, 0: none")
    parser.add_argument("--py-spy", metavar="PROGRAM", help="profile each service alone with this py-spy")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: nothing is left behind
    result: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "w1": run_w1(asked.events, asked.py_spy),
    }
    if asked.months:
        say(f"flights: {asked.months} months through all services")
        result["flights"] = run_flights(asked.months)
    _HOME.mkdir(parents=True, exist_ok=True)
    (_HOME / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    say(f"written to {_HOME / 'result.json'}")


def run_w1(count: int, py_spy: str | None) -> dict[str, Any]:
    """W1 by hand, through all services and through each alone, on a stack of its own."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, Stack(Path(folder) / "stack") as stack:
        say(f"W1: {count:,} events")
        whole = Place(stack, Path(folder) / "whole", "whole")
        model = whole.publish()
        say("W1 through all services")
        ran = run_services(whole, count)
        show_work(ran.work)
        print(f"  the last row is in the lake after {ran.stored:.1f} s")
        print("  rows per message: " + ", ".join(f"{name} {rows:,}" for name, rows in ran.rows_per_message.items()))
        say("W1 by hand, from the same topic")
        one, good = run_by_hand(whole, model, 1)
        show_work(one)
        two, _ = run_by_hand(whole, model, 2)
        show_work(two)
        assert (ran.good, ran.twice) == (good, 0), f"{good} rows are good by hand; in the lake there are {ran}"
        ours, theirs = _own_cpu(ran.work.figures()), _own_cpu(one.figures())
        print(f"  the lake has the same {good:,} good rows, none of them twice")
        print(f"  CPU of the services to that of the hand-written loop: {ours / theirs:.1f} to 1", flush=True)
        say("W1, each service alone")
        apart = Place(stack, Path(folder) / "apart", "apart")
        apart.publish()
        alone = run_alone(apart, apart.fill(count), py_spy, _HOME / "profiles")
        show_alone(alone)
        for each in alone if py_spy else []:
            show_hot_spots(_HOME / "profiles" / f"{each.name}.txt")
    return {
        "events": count,
        "by_hand": [one.figures(), two.figures()],
        "services": {
            **ran.work.figures(),
            "seconds_until_in_lake": round(ran.stored, 3),
            "rows_per_message": ran.rows_per_message,
        },
        "cpu_ratio_to_hand_loop": round(ours / theirs, 2),
        "alone": [each.figures() for each in alone],
    }


def _own_cpu(figures: dict[str, Any]) -> float:
    """CPU-seconds per million rows without the broker and the store."""
    cpu = figures["cpu_seconds_per_million_rows"]
    return float(cpu["all"] - cpu["kafka"] - cpu["s3"])


def say(what: str) -> None:
    """Print what happens now."""
    print(f"[{time.monotonic() - _BEGAN:5.0f} s] {what}", flush=True)


if __name__ == "__main__":
    main()
