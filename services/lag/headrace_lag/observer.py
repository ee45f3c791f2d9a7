"""One look at all readers: committed offsets, logs, groups, and as many messages as help to count rows.

Committed offsets are read before the ends of the logs, so an end is never older than the offset it is compared with.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition
from headrace.autoscale.facts import Place
from headrace.contract.errors import BrokerRefused, PlanError
from headrace.runtime.committed import committed_offsets
from headrace.runtime.kafka import within
from headrace.runtime.topic_ids import Topic, describe

from headrace_lag.lag import GroupLag, PartitionLag, Reader
from headrace_lag.reading import FETCH_BYTES, read
from headrace_lag.settings import LagSettings
from headrace_lag.targets import Target
from headrace_lag.track import Extent, Track

_CALM = frozenset({"Stable", "Empty", "Dead"})
"""States of a consumer group, by the broker's names, in which no partition changes hands."""

Tracks = dict[TopicPartition, Track]


@dataclass(frozen=True, slots=True)
class Group:
    """What a group's coordinator says; the offset is -1 where none is committed."""

    committed: Mapping[TopicPartition, int]
    stable: bool
    members: int


class Observer:
    """Looks with the clients it is given; `tracks` outlive them."""

    def __init__(
        self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, settings: LagSettings, tracks: Tracks
    ) -> None:
        self._admin = admin
        self._consumer = consumer
        self._settings = settings
        self._tracks = tracks

    async def look(self, targets: Sequence[Target]) -> dict[Reader, GroupLag | str]:
        """The lag of every reader, or why it is not known. Raises BrokerUnavailable when nothing can be known."""
        topics, seen = await self._topics(targets)
        able = [target for target in targets if target.reader not in seen]
        groups = {target.reader: await self._group(target, topics) for target in able}
        self._renew(able, topics)
        await self._measure()
        positions: dict[TopicPartition, list[int]] = defaultdict(list)
        for group in groups.values():
            for place, offset in group.committed.items():
                positions[place].append(offset)
        await self._read(positions)
        now, now_ms = time.monotonic(), time.time() * 1000
        for track in self._tracks.values():
            track.written(now)
        for reader, group in groups.items():
            seen[reader] = self._lag(group, now_ms)
        for place, track in self._tracks.items():
            track.ledger.forget_below(min(map(track.position, positions[place]), default=track.extent.end))
        return seen

    async def _topics(self, targets: Sequence[Target]) -> tuple[dict[str, Topic], dict[Reader, GroupLag | str]]:
        """The topics of all targets; one that has not all of its own, or may not see them, has its reason instead."""
        topics: dict[str, Topic] = {}
        failed: dict[Reader, GroupLag | str] = {}
        for target in targets:
            names = target.sources.keys() - topics.keys()
            try:
                topics |= await within(self._seconds, "topics", describe(self._admin, names)) if names else {}
            except (BrokerRefused, PlanError) as error:
                failed[target.reader] = str(error)
        return topics, failed

    async def _group(self, target: Target, topics: Mapping[str, Topic]) -> Group:
        places = [TopicPartition(name, number) for name in target.sources for number in range(topics[name].partitions)]
        what = f"committed offsets of {target.group}"
        found = await within(self._seconds, what, committed_offsets(self._admin, target.group, places))
        described = self._admin.describe_consumer_groups([target.group])
        (answer,) = await within(self._seconds, f"the group {target.group}", described)
        _, _, state, _, _, members, *_ = answer.groups[0]
        return Group({place: said.offset for place, said in found.items()}, state in _CALM, len(members))

    def _renew(self, targets: Sequence[Target], topics: Mapping[str, Topic]) -> None:
        """One track for each partition that is looked at; a topic that is another one begins anew."""
        known = dict(self._tracks)
        self._tracks.clear()
        for target in targets:
            for name, source in target.sources.items():
                for number in range(topics[name].partitions):
                    place = TopicPartition(name, number)
                    track = known.get(place)
                    if track is None or track.topic_id != topics[name].id:
                        track = Track(
                            Place(name, number),
                            topics[name].id,
                            rows_per_message=source.rows_per_message,
                            batches=source.batches,
                        )
                    self._tracks[place] = track

    async def _measure(self) -> None:
        places = list(self._tracks)
        starts = await within(self._seconds, "starts of logs", self._consumer.beginning_offsets(places))
        ends = await within(self._seconds, "ends of logs", self._consumer.end_offsets(places))
        for place, track in self._tracks.items():
            track.extent = Extent(starts[place], ends[place])

    async def _read(self, positions: Mapping[TopicPartition, list[int]]) -> None:
        """Read message by message where it tells most, until all is known or the look's bytes or time are used up."""
        open_places = dict.fromkeys(positions)
        asked: dict[TopicPartition, int] = {}
        left, deadline = self._settings.lag_read_bytes, time.monotonic() + self._settings.lag_poll_seconds
        while left > 0 and (seconds := deadline - time.monotonic()) > 0:
            wanted = {place: self._tracks[place].spot(positions[place]) for place in open_places}
            # A spot that is asked for twice is one that reading does not get past.
            spots = {place: spot for place, spot in wanted.items() if spot is not None and spot != asked.get(place)}
            open_places = dict.fromkeys(spots)
            now = dict(islice(spots.items(), max(1, left // FETCH_BYTES)))
            if not now:
                return
            runs = await read(self._consumer, now, seconds)
            asked |= now
            for place, run in runs.items():
                self._tracks[place].ledger.note(now[place], run.messages, run.following)
                left -= run.size

    def _lag(self, group: Group, now_ms: float) -> GroupLag | str:
        parts: list[PartitionLag] = []
        for place, offset in group.committed.items():
            track = self._tracks[place]
            if offset > track.extent.end:
                return (
                    f"{track.place}: the group has committed {offset} and the log ends at {track.extent.end}: the topic"
                    " is another one than the group has read"
                )
            parts.append(track.lag(offset if offset >= 0 else None, now_ms))
        return GroupLag(tuple(parts), group.stable, group.members)

    @property
    def _seconds(self) -> float:
        return self._settings.broker_seconds
