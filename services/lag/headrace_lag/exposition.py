"""The same for Prometheus: what may not be answered with is absent, and its age and errors are there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from headrace.autoscale.decision import Unknown
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace_lag.board import Board, NotSeen, Unanswerable
from headrace_lag.lag import Reader

_READER = ("tenant", "pipeline", "service")
_PLACE = (*_READER, "topic", "partition")


class Exposition(Collector):
    """Reads the board when it is scraped."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.errors: Counter[Reader] = Counter()

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are not checked against others' before the first scrape."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Every series that there is now."""
        desired = GaugeMetricFamily("headrace_desired_replicas", "replicas that a service needs", labels=_READER)
        rows = GaugeMetricFamily("headrace_lag_rows", "rows between the committed offset and the end", labels=_PLACE)
        estimated = GaugeMetricFamily(
            "headrace_lag_rows_estimated", "1 where headrace_lag_rows is an estimate from a sample", labels=_PLACE
        )
        seconds = GaugeMetricFamily("headrace_lag_seconds", "age of the oldest message that waits", labels=_PLACE)
        messages = GaugeMetricFamily("headrace_lag_messages", "messages that wait", labels=_PLACE)
        age = GaugeMetricFamily("headrace_lag_age_seconds", "time since the last look that succeeded", labels=_READER)
        errors = CounterMetricFamily("headrace_lag_errors", "looks that failed", labels=_READER)
        now = time.monotonic()
        for reader in self._board.readers:
            labels = (reader.tenant, reader.pipeline, reader.service)
            errors.add_metric(labels, self.errors[reader])
            if (old := self._board.age(reader, now)) is not None:
                age.add_metric(labels, old)
            try:
                standing = self._board.answer(reader, now)
            except (NotSeen, Unanswerable):
                continue
            if not isinstance(standing.decision, Unknown):
                desired.add_metric(labels, standing.decision.replicas)
            for partition in standing.lag.partitions:
                place = (*labels, partition.facts.place.topic, str(partition.facts.place.number))
                messages.add_metric(place, partition.messages)
                if partition.rows is not None:
                    rows.add_metric(place, partition.rows.rows)
                    estimated.add_metric(place, not partition.rows.exact)
                if partition.seconds is not None:
                    seconds.add_metric(place, partition.seconds)
        yield from (desired, rows, estimated, seconds, messages, age, errors)
