"""How long a partition stood still: told by two processes, counted once, and not for what a crash took."""

from __future__ import annotations

import pytest
from rig.faults.hand_overs import Told, pauses, told

A, B = ("raw", 0), ("raw", 1)


def test_a_partition_stands_still_from_the_one_owner_to_the_next() -> None:
    # Given one that gives up two partitions, of which another takes one over
    story = [
        Told(10.0, "cleaning-0", "revoked", [A, B]),
        Told(10.5, "cleaning-0", "opened", [A]),
        Told(11.25, "cleaning-1", "opened", [B]),
    ]

    # Then each stood still until somebody was ready for it
    assert pauses(story, []) == [0.5, 1.25]


def test_a_second_rebalance_before_anybody_was_ready_belongs_to_the_same_pause() -> None:
    story = [
        Told(10.0, "cleaning-0", "revoked", [A]),
        Told(11.0, "cleaning-1", "revoked", [A]),
        Told(12.0, "cleaning-2", "opened", [A]),
    ]
    assert pauses(story, []) == [2.0]


def test_who_takes_over_from_one_that_leaves_is_counted_and_who_comes_back_is_not() -> None:
    left = Told(10.0, "cleaning-0", "leaving", [A])
    assert pauses([left, Told(10.5, "cleaning-1", "opened", [A])], []) == [0.5]
    assert pauses([left, Told(10.5, "cleaning-0", "opened", [A])], []) == []


@pytest.mark.parametrize(("crash", "counted"), [(9.0, [1.0]), (10.5, []), (12.0, [1.0])])
def test_what_a_crash_took_is_not_a_pause(crash: float, counted: list[float]) -> None:
    story = [Told(10.0, "cleaning-0", "revoked", [A]), Told(11.0, "cleaning-1", "opened", [A])]
    assert pauses(story, [crash]) == counted


def test_the_first_owner_takes_over_from_nobody() -> None:
    assert pauses([Told(1.0, "cleaning-0", "opened", [A])], []) == []


def test_events_of_other_things_say_nothing_of_partitions() -> None:
    events = [{"what": "replayed", "at": 1.0}, {"what": "opened", "at": 2.0, "places": [["raw", 0]]}]
    assert told("cleaning-0", events) == [Told(2.0, "cleaning-0", "opened", [A])]
