"""What the past teaches: what a replica really works, and whether the last step up was worth it.

A replica is busy when one of its partitions is. Nobody knows who has which, but every replica has at least
⌊partitions/replicas⌋, so where fewer than that have a pause, all replicas are busy and throughput is capacity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from headrace.autoscale.facts import Observation, Partition, Place
from headrace.autoscale.memory import Freeze, Memory, Seen, Trial, Window
from headrace.autoscale.policy import Policy
from headrace.autoscale.progress import settled


def learned(policy: Policy, observation: Observation, memory: Memory) -> Memory:
    """`memory` (of the last evaluation) with its rate, trial and freeze as they are after this observation."""
    now = observation.at_s
    if observation.replicas != memory.replicas:
        memory = _stepped(observation, memory)
    if not calm(observation):
        return replace(memory, window=None)
    if memory.window is None or memory.at_s is None:
        return replace(memory, window=Window(now, {}, frozenset(each.place for each in observation.partitions)))
    window = _longer(policy, observation, memory, memory.window, now - memory.at_s)
    if now - window.began_s < policy.measure_s:
        return replace(memory, window=window)
    return _concluded(policy, observation, memory, window)


def calm(observation: Observation) -> bool:
    """Whether everybody who was asked for is at work and nothing changes hands."""
    return settled(observation) and observation.ready == observation.replicas


def _stepped(observation: Observation, memory: Memory) -> Memory:
    trial = None
    if observation.replicas > memory.replicas > 0:  # of two steps at once the first knows what it was like before
        trial = memory.trial or Trial(memory.replicas, memory.throughput_rows_s, observation.at_s)
    return replace(memory, trial=trial, throughput_rows_s=None, window=None)


def _longer(policy: Policy, observation: Observation, memory: Memory, window: Window, seconds: float) -> Window:
    consumed: dict[Place, float] = {}
    busy: set[Place] = set()
    for each in observation.partitions:
        before, lag, arrival = memory.seen.get(each.place), each.lag_rows or 0.0, each.arrival_rows_s or 0.0
        had = window.consumed_rows.get(each.place, 0.0)
        consumed[each.place] = had + (_arrived(each, before, seconds) + before.lag_rows - lag if before else 0.0)
        if each.place in window.busy and lag > policy.busy_lag_s * arrival:
            busy.add(each.place)
    return Window(window.began_s, consumed, frozenset(busy))


def _arrived(partition: Partition, before: Seen, seconds: float) -> float:
    """Rows that came since the last evaluation: counted, or else from their rate (a counter may have begun anew)."""
    if partition.written_rows is not None and before.written_rows is not None:
        counted = partition.written_rows - before.written_rows
        if counted >= 0:
            return counted
    return (partition.arrival_rows_s or 0.0) * seconds


def _concluded(policy: Policy, observation: Observation, memory: Memory, window: Window) -> Memory:
    seconds = observation.at_s - window.began_s
    rates = {place: rows / seconds for place, rows in window.consumed_rows.items()}
    throughput, replicas = sum(rates.values()), observation.replicas
    at_work = sum(rates[place] > 0 for place in window.busy)
    saturated = len(rates) - at_work < max(len(rates) // replicas, 1)
    freeze, rate = memory.freeze, memory.rate_rows_s
    if memory.trial is not None:
        freeze = _judged(policy, observation, memory, memory.trial, throughput) if saturated else None
        if freeze is not None and rate is not None:  # what was measured lately was the limit of something else
            rate = max(rate, policy.start_rate_rows_s)
    if freeze is None or not freeze.holds(observation.at_s):
        rate = _rate(rate, rates, replicas, saturated=saturated)
    return replace(
        memory,
        rate_rows_s=rate,
        throughput_rows_s=throughput,
        trial=None,
        freeze=freeze,
        window=Window(observation.at_s, {}, frozenset(rates)),
    )


def _rate(known: float | None, rates: Mapping[Place, float], replicas: int, *, saturated: bool) -> float | None:
    """Busy replicas teach the rate, a lower one by half at a time; others teach that it is not less than they work."""
    each = sum(rates.values()) / replicas
    if not saturated or each <= 0:
        return None if known is None else max(known, each, *rates.values())
    return each if known is None or each > known else (known + each) / 2


def _judged(policy: Policy, observation: Observation, memory: Memory, trial: Trial, throughput: float) -> Freeze | None:
    before, replicas = trial.throughput_rows_s, observation.replicas
    if before is None or throughput >= before * (1 + policy.effective * (replicas / trial.replicas - 1)):
        return None
    return Freeze(
        ceiling=trial.replicas if throughput < before * (1 - policy.dead_band) else replicas,
        at_s=observation.at_s,
        seconds=policy.freeze_s if memory.freeze is None else 2 * memory.freeze.seconds,
        why=f"{trial.replicas} replicas worked {before:,.0f} rows/s and {replicas} work {throughput:,.0f}:"
        " something else is the limit",
    )
