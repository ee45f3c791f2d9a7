"""Feature engineering as a stage: every merged log is one hop of the rows' path (design §3, §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.contract.plan import Log, Plan
from headrace.runtime.stage import Input, Snapshot
from headrace.wire.origin import OriginKey

from headrace_feature_engineering.log_state import LogState
from headrace_feature_engineering.routes import exits_of, next_log_of

NAME = "feature_engineering"


class FeatureStage:
    """Reads every merged log and writes the next one and the features topics.

    `partitions` gives the number of partitions of every topic it reads or writes.
    """

    name = NAME

    def __init__(self, plan: Plan, partitions: Mapping[str, int]) -> None:
        self._plan = plan
        self._partitions = partitions
        self._logs: dict[str, Log] = {log.topic: log for log in plan.logs}

    def inputs(self) -> Sequence[Input]:
        """Return every merged log."""
        return [Input(log.topic, log.schema) for log in self._plan.logs]

    def origins(self, topic: str, partition: int) -> Sequence[OriginKey]:
        """Return every writer of a log: cleaning writes the first, this stage each further one."""
        place = list(self._logs).index(topic)
        if place == 0:
            ingested = [self._plan.topics.ingested(stream) for stream in self._logs[topic].streams]
            return [OriginKey("cleaning", name, number) for name in ingested for number in self._numbers(name)]
        before = self._plan.logs[place - 1].topic
        return [OriginKey(NAME, before, number) for number in self._numbers(before)]

    def listeners(self, topic: str, partition: int) -> Sequence[tuple[str, int]]:
        """Return every partition of the next log, and this one's own of the features topics that are filled here."""
        log = self._logs[topic]
        following = next_log_of(self._plan, log)
        further = [] if following is None else [(following.topic, n) for n in self._numbers(following.topic)]
        return further + [(exit_.topic, partition) for exit_ in exits_of(self._plan, log)]

    def open(self, topic: str, partition: int, snapshot: Snapshot | None) -> LogState:
        """Return the state of a log's partition; raises SnapshotError for a snapshot of another plan."""
        log = self._logs[topic]
        following = next_log_of(self._plan, log)
        width = 0 if following is None else self._partitions[following.topic]
        state = LogState(self._plan, log, partition, width, [str(key) for key in self.origins(topic, partition)])
        if snapshot is not None:
            state.restore(snapshot)
        return state

    def _numbers(self, topic: str) -> range:
        return range(self._partitions[topic])
