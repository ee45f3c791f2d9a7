"""How long partitions stand still when they go from one owner to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """What an instance told of partitions that it gives up (`revoked`, or `leaving` for good) or takes over."""

    at: float  # seconds, of a clock that all processes share
    instance: str
    what: str
    places: Sequence[tuple[str, int]]  # topic and partition


def told(instance: str, events: Iterable[Mapping[str, Any]]) -> list[Told]:
    """What the events of one instance say of partitions."""
    return [
        Told(event["at"], instance, event["what"], [(topic, partition) for topic, partition in event["places"]])
        for event in events
        if "places" in event
    ]


def pauses(story: Iterable[Told], crashes: Sequence[float]) -> list[float]:
    """Seconds for each partition from when its owner was told to give it up until its next owner was ready for it.

    `crashes` are the times when a process of the same service was killed or failed: with one in between, it is the
    recovery that took the time, as it is where an instance is stopped and comes back to its own; neither is counted.
    """
    given: dict[tuple[str, int], Told] = {}
    found = []
    for said in sorted(story, key=lambda said: said.at):
        for place in said.places:
            if said.what != "opened":
                given.setdefault(place, said)
            elif before := given.pop(place, None):
                came_back = before.what == "leaving" and before.instance == said.instance
                if not came_back and not any(before.at <= moment <= said.at for moment in crashes):
                    found.append(said.at - before.at)
    return found
