"""How soon a member of a group hears of a rebalance."""

from __future__ import annotations

import pytest
from headrace.runtime.kafka import heartbeat_seconds


def test_a_session_of_minutes_does_not_make_the_others_wait_for_minutes() -> None:
    assert heartbeat_seconds(30.0) == 1.0
    assert heartbeat_seconds(600.0) == 1.0


@pytest.mark.parametrize("session", [2.0, 5.0, 10.0])
def test_in_a_short_session_nine_heartbeats_may_be_lost(session: float) -> None:
    assert heartbeat_seconds(session) == pytest.approx(session / 10)
