"""The rivals' rules are theirs."""

from __future__ import annotations

from rig.scaling.cases import constant
from rig.scaling.rivals import Keda, LagThreshold
from rig.scaling.world import Setting, World


def world(lags: list[int], *, replicas: int = 1, committed: bool = True, deleted: int = 0) -> World:
    """Partitions with these lags, in messages of one row each."""
    total = sum(lags)
    setting = Setting(
        load_rows_s=constant(0),
        partitions=len(lags),
        shares=tuple(lag / total for lag in lags) if total else (),
        backlog_rows=total,
        deleted_messages=deleted,
        committed=committed,
        replicas=replicas,
    )
    return World(setting)


def test_keda_divides_the_total_lag_by_the_threshold() -> None:
    assert Keda(100, 12).sync(world([120, 130, 0, 0])) == 3


def test_keda_asks_for_no_more_than_partitions() -> None:
    assert Keda(10, 12).sync(world([500, 500, 500])) == 3


def test_keda_asks_for_no_more_than_partitions_with_lag_if_told_so() -> None:
    assert Keda(10, 12, limit_to_partitions_with_lag=True).sync(world([500, 500, 0, 0])) == 2


def test_keda_counts_deleted_records_of_a_group_that_has_committed_none() -> None:
    assert Keda(100, 12).sync(world([0, 0, 0, 0], committed=False, deleted=100)) == 4


def test_keda_leaves_out_what_does_not_move_if_told_so() -> None:
    keda, still = Keda(100, 12, exclude_persistent_lag=True), world([250, 250], replicas=2)
    assert keda.sync(still) == 2
    still.now = 315  # after the HPA's five minutes
    assert keda.sync(still) == 1


def test_keda_wakes_on_lag_and_sleeps_after_its_cooldown() -> None:
    keda, empty, full = Keda(100, 12, minimum=0), world([0, 0], replicas=1), world([5, 0], replicas=0)
    empty.now = 7
    keda.look(empty)
    assert empty.replicas == 1
    empty.now = 307
    keda.look(empty)
    assert empty.replicas == 0
    full.now = 37
    keda.look(full)
    assert full.replicas == 1


def test_a_lag_threshold_multiplies_what_there_is() -> None:
    assert LagThreshold(100, 50).sync(world([150, 150], replicas=2)) == 6


def test_a_lag_threshold_takes_silence_for_zero() -> None:
    assert LagThreshold(100, 50).sync(world([0, 0], committed=False, deleted=100)) == 1
