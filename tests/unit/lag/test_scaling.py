"""The seam to the decision: what is not known is passed on as not known."""

from __future__ import annotations

import pytest
from headrace.autoscale.decision import Answer, Cause, Unknown
from headrace.contract.errors import SettingsError
from headrace_lag.scaling import Scaling
from headrace_lag.settings import ScalingSettings
from headrace_lag.workload import Workload, rolling_out
from unit.lag.parts import READER, standing

LAG = standing().lag
TWO = Workload(2, 2, rolling_out=False)


def scaling() -> Scaling:
    return Scaling(ScalingSettings(), 20.0)


def test_a_rollout_holds_what_runs() -> None:
    decision = scaling().decide(READER, LAG, Workload(2, 2, rolling_out=True), read_at=0.0, now=1.0)
    assert isinstance(decision, Answer)
    assert (decision.replicas, decision.cause) == (2, Cause.ROLLOUT)


def test_a_workload_that_could_not_be_read_is_no_number() -> None:
    decision = scaling().decide(READER, LAG, "the API server is away", read_at=0.0, now=1.0)
    assert decision == Unknown(Cause.UNREAD, "the API server is away")


def test_facts_that_are_too_old_are_no_number() -> None:
    decision = scaling().decide(READER, LAG, TWO, read_at=0.0, now=30.0)
    assert isinstance(decision, Unknown)
    assert decision.cause is Cause.STALE


def test_no_more_replicas_than_partitions_unless_fewer_are_wanted() -> None:
    assert scaling().policy(READER, 7).maximum == 7
    assert Scaling(ScalingSettings(maximum=3), 20.0).policy(READER, 7).maximum == 3


def test_wishes_that_contradict_each_other_are_an_error_of_the_start() -> None:
    with pytest.raises(SettingsError, match="scale_down_window_s"):
        Scaling(ScalingSettings(catch_up_seconds=600, scale_down_window_seconds=60), 20.0)


@pytest.mark.parametrize(
    ("seen", "replicas", "updated", "rolling"),
    [
        (True, 3, 3, False),
        (True, 4, 3, True),  # one of the old version is left
        (False, 3, 3, True),  # the controller has not seen the change yet
        (True, 2, 2, False),  # five are wanted, two are there, all of them new: that is a scaling
        (True, 0, 0, False),
    ],
)
def test_a_rollout_is_pods_of_two_versions(seen: bool, replicas: int, updated: int, rolling: bool) -> None:
    assert rolling_out(seen=seen, replicas=replicas, updated=updated) is rolling
