"""From rows to replicas: what the partitions ask for, and which counts serve it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from headrace.autoscale.facts import Partition, Place
from headrace.autoscale.policy import Policy

_ROUNDING = 1 + 1e-9  # a need of exactly n replicas is served by n


def loads(policy: Policy, partitions: Sequence[Partition], stuck: Collection[Place], pause_s: float) -> list[float]:
    """Rows a second that each partition asks for: arrival/utilisation + backlog/catch-up + arrival · pause/catch-up.

    `pause_s` is what a change of the count costs, 0 where it is to stay. A stuck partition asks for nothing: whoever
    has it cannot get on with it. Raises ValueError for a partition whose lag or arrivals are not known.
    """
    return [0.0 if each.place in stuck else _load(policy, each, pause_s) for each in partitions]


def counts(policy: Policy, partitions: int) -> list[int]:
    """The counts worth choosing within the bounds, ascending: those whose largest share is smaller than any below.

    Of 12 partitions: 1, 2, 3, 4, 6, 12. With 5 replicas somebody has as many partitions as with 4.
    """
    least, most = bounds(policy, partitions)
    worth = [n for n in range(1, partitions + 1) if n == 1 or _share(partitions, n) < _share(partitions, n - 1)]
    return [n for n in worth if least <= n <= most] or [least]


def bounds(policy: Policy, partitions: int) -> tuple[int, int]:
    """Fewest and most replicas of a service that is awake."""
    most = min(policy.maximum, partitions)
    return min(max(policy.minimum, 1), most), most


def enough(choice: Sequence[int], asked: Sequence[float], rate: float, own: float) -> int:
    """The least of the ascending `choice` that serves what the partitions ask for; the largest where none does.

    `rate` is what one replica works, in rows a second. Nobody knows who will get the hottest partition, so its replica
    is taken to have an average share of the others beside it. A partition is worked by one replica, however hot: one
    that asks for more than the part `own` of its replica gets that part, and more replicas would hardly help it.
    """
    capped = [min(each, rate) for each in asked]
    total, hottest = sum(capped), max(capped)
    others = (total - hottest) / (len(capped) - 1) if len(capped) > 1 else 0.0
    for count in choice:
        beside = (_share(len(capped), count) - 1) * others
        if total <= count * rate * _ROUNDING and min(hottest, rate * own) + beside <= rate * _ROUNDING:
            return count
    return choice[-1]


def _load(policy: Policy, partition: Partition, pause_s: float) -> float:
    lag, arrival = partition.lag_rows, partition.arrival_rows_s
    if lag is None or arrival is None:
        raise ValueError(f"{partition.place}: its lag or its arrivals are not known")
    return arrival / policy.utilisation + (lag + arrival * pause_s) / policy.catch_up_s


def _share(partitions: int, replicas: int) -> int:
    """How many partitions the replica with the most has."""
    return -(-partitions // replicas)
