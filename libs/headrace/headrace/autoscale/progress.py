"""Who gets on and who does not: what the offsets say, one evaluation after the other."""

from __future__ import annotations

from dataclasses import replace

from headrace.autoscale.facts import Observation, Partition, Place
from headrace.autoscale.memory import Memory, Seen
from headrace.autoscale.policy import Policy


def followed(policy: Policy, observation: Observation, memory: Memory) -> Memory:
    """`memory` with these facts noted. After a gap in the evaluations all patience begins anew."""
    now = observation.at_s
    if memory.at_s is None or now - memory.at_s > policy.stale_s:
        memory = replace(memory, seen={}, needed=((now, observation.replicas),), quiet_since_s=None, got_on_at_s=now)
    seen = {each.place: _seen(observation, each, memory.seen.get(each.place)) for each in observation.partitions}
    chance = settled(observation) and any(each.lag_messages > 0 for each in observation.partitions)
    got_on = not chance or any(
        each.place not in memory.seen or memory.seen[each.place].position != each.position
        for each in observation.partitions
    )
    quiet = all(
        each.lag_messages == 0 and (each.place not in memory.seen or memory.seen[each.place].log_end == each.log_end)
        for each in observation.partitions
    )
    return replace(
        memory,
        at_s=now,
        replicas=observation.replicas,
        seen=seen,
        got_on_at_s=now if got_on else memory.got_on_at_s,
        quiet_since_s=(now if memory.quiet_since_s is None else memory.quiet_since_s) if quiet else None,
    )


def settled(observation: Observation) -> bool:
    """Whether somebody is at work and nothing changes hands."""
    return observation.ready > 0 and not observation.rolling_out and not observation.rebalancing


def stuck(policy: Policy, observation: Observation, memory: Memory) -> list[Place]:
    """The partitions with a backlog of which nothing was committed for too long."""
    at = observation.at_s
    return [place for place, seen in memory.seen.items() if at - seen.got_on_at_s >= policy.stalled_s]


def _seen(observation: Observation, partition: Partition, before: Seen | None) -> Seen:
    waits = settled(observation) and partition.lag_messages > 0
    same = before is not None and before.position == partition.position
    return Seen(
        partition.topic_id,
        partition.log_end,
        partition.position,
        partition.lag_rows or 0.0,
        partition.written_rows,
        before.got_on_at_s if before is not None and waits and same else observation.at_s,
    )
