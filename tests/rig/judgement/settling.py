"""When to judge: once everything acknowledged has arrived and nobody has anything left to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from confluent_kafka import KafkaException

from rig.judgement.evidence import Place
from rig.judgement.facts import Facts
from rig.judgement.kafka_reader import KafkaReader

SERVICES = ("ingestion", "cleaning", "feature_engineering", "inference", "lake")


@dataclass(frozen=True, slots=True)
class Settled:
    """Whether all groups came to the ends of their logs in time, after how many seconds, and what was left if not."""

    reached: bool
    seconds: float
    left: tuple[str, ...] = ()


def settled(
    kafka: str,
    facts: Facts,
    *,
    seconds: float = 120.0,
    services: Collection[str] = SERVICES,
    watch: Callable[[], None] = lambda: None,
    pause: float = 0.5,
) -> Settled:
    """Wait until all groups have committed the ends of what they read, twice in a row with the same ends.

    A stage with state commits with its snapshots, so this takes at least as long as those are apart. `watch` is called
    between looks, and may raise.
    """
    groups = {service: facts.group(service) for service in services}
    began = time.monotonic()
    with KafkaReader(kafka) as reader:
        read = {service: reader.partitions(facts.inputs_of_groups()[service]) for service in services}
        places = sorted({place for each in read.values() for place in each})
        before: dict[Place, int] = {}
        left: list[str] = []
        while time.monotonic() - began < seconds:
            watch()
            try:
                ends = reader.ends(places)  # first: whoever has committed this much had seen it all
                committed = {s: reader.committed(groups[s], facts.inputs_of_groups()[s]) for s in services}
            except KafkaException as error:  # a coordinator that is loading, say
                left = [repr(error)]
                time.sleep(pause)
                continue
            left = [
                f"{groups[service]} {place[0]}/{place[1]}: {committed[service].get(place, 0)} of {ends[place]}"
                for service, own in read.items()
                for place in own
                if committed[service].get(place, 0) < ends[place]
            ]
            if not left and ends == before:
                return Settled(True, time.monotonic() - began)
            before = ends if not left else {}
            time.sleep(pause)
    return Settled(False, time.monotonic() - began, tuple(left))
