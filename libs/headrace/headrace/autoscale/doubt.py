"""Facts that must not be believed: the answer is then an error, never a number made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from headrace.autoscale.decision import Cause, Unknown
from headrace.autoscale.facts import Observation, Partition, Place
from headrace.autoscale.memory import Seen
from headrace.autoscale.policy import Policy


def doubt(policy: Policy, observation: Observation, seen: Mapping[Place, Seen]) -> Unknown | None:
    """Why no decision can rest on these facts; None where it can."""
    age_s = observation.at_s - observation.read_at_s
    if age_s > policy.stale_s:
        return Unknown(Cause.STALE, f"the facts are {age_s:.0f} s old, and {policy.stale_s:g} s are believed")
    if not observation.partitions:
        return Unknown(Cause.UNREAD, "no input partition is known")
    if len({each.place for each in observation.partitions}) < len(observation.partitions):
        return Unknown(Cause.CONTRADICTION, "a partition is told twice")
    if observation.replicas < 0 or observation.ready < 0:
        return Unknown(Cause.CONTRADICTION, f"{observation.replicas} replicas, {observation.ready} of them ready")
    found = (_partition(each, seen.get(each.place)) for each in observation.partitions)
    return next((problem for problem in found if problem is not None), None)


def _partition(partition: Partition, seen: Seen | None) -> Unknown | None:
    place, before = partition.place, partition.noted_topic_id or (seen.topic_id if seen else partition.topic_id)
    if partition.topic_id != before:
        return Unknown(
            Cause.RECREATED,
            f"{place}: the topic has id {partition.topic_id} and had {before}: it was deleted and created again, so the"
            " committed offsets are not of this log",
        )
    if partition.log_start > partition.log_end:
        return Unknown(Cause.CONTRADICTION, f"{place}: starts at {partition.log_start}, ends at {partition.log_end}")
    if partition.lag_messages < 0:
        return Unknown(
            Cause.CONTRADICTION,
            f"{place}: offset {partition.committed} is committed and the log ends at {partition.log_end}: it was cut or"
            " is another one",
        )
    for value, what in ((partition.lag_rows, "lag in rows"), (partition.arrival_rows_s, "arrival rate")):
        if value is None:
            return Unknown(Cause.UNREAD, f"{place}: its {what} is not known")
        if not math.isfinite(value) or value < 0:
            return Unknown(Cause.CONTRADICTION, f"{place}: its {what} is {value}")
    return None
