"""Schedules: a seed says everything, one line says it again, and nothing of the grid is left out."""

from __future__ import annotations

from collections import Counter

import pytest
from rig.failpoints.points import CELLS, SERVICES
from rig.faults.fault import Fault, Schedule
from rig.faults.figures import spread
from rig.faults.schedule import CELL_HITS, GENTLE_SECONDS, ROTATION, draw_leg, draw_short, draw_soak, legs


def cells(schedule: Schedule) -> Counter[tuple[str, str]]:
    points = [fault for fault in schedule.faults if fault.kind == "failpoint"]
    return Counter((fault.detail.split(":")[0], fault.target) for fault in points)


def kills(schedule: Schedule) -> int:
    weights = {"failpoint": 1, "kill": 1, "term": 1}
    return sum(
        len(SERVICES) if (fault.kind, fault.target) == ("kill", "all") else weights.get(fault.kind, 0)
        for fault in schedule.faults
        if ":sleep:" not in fault.detail
    )


@pytest.mark.parametrize("schedule", [draw_short(7), draw_leg(7, 2, 1000), draw_soak(7, 3600)])
def test_one_line_says_it_again(schedule: Schedule) -> None:
    line = schedule.line()
    assert "\n" not in line
    again = Schedule.parse(line)
    assert again.line() == line
    assert [str(fault) for fault in again.faults] == [str(fault) for fault in schedule.faults]


def test_the_seed_says_everything() -> None:
    assert draw_leg(3, 1, 400) == draw_leg(3, 1, 400)
    assert draw_leg(3, 1, 400) != draw_leg(4, 1, 400)


def test_faults_come_in_the_order_of_their_times() -> None:
    times = [fault.at for fault in draw_short(1).faults]
    assert times == sorted(times)


def test_the_short_run_meets_every_cell() -> None:
    schedule = draw_short(1)
    assert set(cells(schedule)) == set(CELLS)
    assert kills(schedule) >= 40


def test_a_thousand_kills_meet_every_cell_often_enough_and_every_kind() -> None:
    campaign = [draw_leg(1, leg, 1000) for leg in range(legs(1000))]
    hits: Counter[tuple[str, str]] = Counter()
    for schedule in campaign:
        hits.update(cells(schedule))
    assert min(hits[cell] for cell in CELLS) >= CELL_HITS
    assert sum(map(kills, campaign)) >= 1000
    applied = {fault.kind for schedule in campaign for fault in schedule.faults}
    assert applied >= {fault.kind for fault in ROTATION} | {
        "zombie",
        "kill",
        "term",
        "s3_forward_500",
        "s3_forward_cut",
    }


def test_the_end_of_a_soak_ends_no_process_and_its_beginning_is_sharp() -> None:
    schedule = draw_soak(1, 3600)
    late = [fault for fault in schedule.faults if fault.at > 3600 - GENTLE_SECONDS]
    assert {fault.kind for fault in late} == {"kafka_slow", "s3_slow", "scale", "starve"}
    early = {fault.kind for fault in schedule.faults if fault not in late}
    assert early >= {"zombie", "s3_forward_500", "s3_forward_cut", "kill", "failpoint"}


def test_a_fault_says_only_what_is_unusual() -> None:
    assert Fault(1.0, "lake", "kill").to_json() == {"at": 1.0, "target": "lake", "kind": "kill"}


def test_spread_of_nothing_and_of_something() -> None:
    assert spread([None]) == {"n": 0}
    assert spread([3.0, None, 1.0, 2.0]) == {"n": 3, "p50": 2.0, "p95": 3.0, "p99": 3.0, "max": 3.0}
