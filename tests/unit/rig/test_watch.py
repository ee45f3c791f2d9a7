"""What the watch says of a process that grew."""

from __future__ import annotations

import pytest
from rig.faults.watch import Reading, slopes

MIB = 1 << 20


def readings(memory_at: dict[int, int]) -> list[Reading]:
    return [Reading(float(at), "lake-0", 7, memory, 20) for at, memory in memory_at.items()]


def test_a_process_that_fills_its_caches_and_then_stands_still_is_told_from_one_that_grows() -> None:
    # Given nearly an hour of a process that takes 1 MiB a minute for half of it, and of one that takes it all the time
    filling = {120 + minute * 60: (100 + min(minute, 30)) * MIB for minute in range(60)}
    growing = {120 + minute * 60: (100 + minute) * MIB for minute in range(60)}

    # When their slopes are drawn
    (stood_still,) = slopes(readings({0: 0, **filling}))
    (grew,) = slopes(readings({0: 0, **growing}))

    # Then the quarters of its life tell them apart
    assert stood_still.hours == grew.hours == 59 / 60
    assert grew.memory == pytest.approx(60 * MIB)
    assert stood_still.quarters == [107 * MIB, 122 * MIB, 130 * MIB, 130 * MIB]
    assert grew.quarters == [107 * MIB, 122 * MIB, 137 * MIB, 152 * MIB]


def test_a_process_that_lived_for_minutes_has_no_slope() -> None:
    # Given a process that was looked at for five minutes, two of which it was warming up
    # When its slope is drawn
    found = slopes(readings(dict.fromkeys(range(0, 300, 10), 100 * MIB)))

    # Then there is none
    assert found == []
