"""The campaign of `make test`: every point of every service once, kills of all sorts, and the verdict must be pass."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from rig.failpoints.points import CELLS, SERVICES
from rig.faults.leg import run_leg
from rig.faults.schedule import draw_short

SEED = int(os.environ.get("SEED") or 1)
RATE = 40.0  # records a second: the judge takes its time for each
LEAST_KILLS = 40
BOUND = 120.0  # seconds to flowing again: loose, since a test may share its machine; `make faults` is strict


@pytest.mark.timeout(900)
def test_services_killed_at_every_point_lose_and_double_nothing(tmp_path: Path) -> None:
    # Given a schedule that a seed says, with each failpoint of each service, a zombie, a broker kill and a bad store
    schedule = draw_short(SEED)
    print(f"to repeat it: SCHEDULE='{schedule.line()}' python -m rig.faults")
    # When it is applied to all services while the oracle sends, bad records among good ones
    leg = run_leg(schedule, tmp_path, rate=RATE, seconds=420.0, say=print, bound=BOUND)
    report = leg.to_json()
    print(json.dumps({name: report[name] for name in report if name not in ("judgement", "schedule")}, indent=1))
    # Then every record arrived once at every hop and in the lake, and no other promise was broken
    assert leg.judgement.findings == ()
    assert leg.problems == []
    # And it was hard: each cell of the grid was hit, and nothing of what makes a run hard is missing
    assert [cell for cell in CELLS if not leg.grid[cell]] == []
    assert [sign.name for sign in leg.sharpness if sign.count == 0] == []
    assert sum(leg.kills.values()) >= LEAST_KILLS
    assert all(any(status in (-9, 137) for status in leg.statuses[service]) for service in SERVICES)
    assert leg.verdict == "pass"
