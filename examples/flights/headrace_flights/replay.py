"""Feeds records to Kafka as any producer would: confluent-kafka, acks=all, idempotent, one record per event."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from confluent_kafka import KafkaError, KafkaException, Producer
from headrace.contract.errors import BrokerUnavailable, PlanError

from headrace_flights.ledger import Ledger, Report

Setting = str | int | float | bool

TOPIC_PREFIX = "default.flights.raw."
_PRODUCER: Mapping[str, Setting] = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 5,
    "queue.buffering.max.messages": 50_000,  # the bound on records in flight
    # Past this a record counts as failed; below the client's 300 s so that a stopped broker ends a replay.
    "message.timeout.ms": 120_000,
}
_METADATA_SECONDS = 10.0
_SLICE_ROWS = 10_000  # records taken from the frame at a time
_POLL_EVERY = 200  # records sent between two looks at acknowledgements, the stop signal and the progress
_PROGRESS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay has come: records sent, records acknowledged, and the event time of the last one sent."""

    sent: int
    acknowledged: int
    event_time: datetime


def replay(
    records: pl.DataFrame,
    *,
    kafka: str,
    speed: float = 0.0,
    topic_prefix: str = TOPIC_PREFIX,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    settings: Mapping[str, Setting] | None = None,
) -> Report:
    """Send `records` (of `merged_records`) in their order to the topics `<topic_prefix><stream>` of the broker `kafka`.

    speed is event seconds per second, 0 is as fast as possible. Ends early when `stop` is set or a record fails; what
    was sent is waited for in either case. `progress` is called at most twice a second. `settings` are librdkafka's and
    go before the defaults. Raises BrokerUnavailable when the broker does not answer and PlanError when a topic is
    missing, both before anything was sent.
    """
    if speed < 0:
        raise ValueError(f"speed must be 0 (as fast as possible) or more, not {speed}")
    producer = Producer({"bootstrap.servers": kafka, **_PRODUCER, **(settings or {})})
    _expect_topics(producer, [topic_prefix + stream for stream in records["stream"].unique().sort()], kafka)
    run = _Run(producer, topic_prefix, stop or threading.Event(), progress or _silent)
    return run.send_all(records, _Pace(speed))


class _Run:
    def __init__(
        self, producer: Producer, topic_prefix: str, stop: threading.Event, progress: Callable[[Progress], None]
    ) -> None:
        self._producer = producer
        self._topic_prefix = topic_prefix
        self._stop = stop
        self._progress = progress
        self._ledger = Ledger()
        self._refused: str | None = None
        self._sent = 0
        self._next_progress = 0.0

    def send_all(self, records: pl.DataFrame, pace: _Pace) -> Report:
        began = time.monotonic()
        first = last = None
        for event_time, stream, key, value in _rows(records):
            if not self._wait(pace.due(event_time)) or not self._send(self._topic_prefix + stream, key, value):
                break
            first, last = first or event_time, event_time
            if self._sent % _POLL_EVERY == 0:
                self._look(event_time)
        self._producer.flush()
        if last is not None:
            self._progress(Progress(self._sent, self._ledger.acknowledged, last))
        return Report(
            sent=self._sent,
            acknowledged=self._ledger.acknowledged,
            failed=self._ledger.failed,
            first_event=first,
            last_event=last,
            seconds=time.monotonic() - began,
            ledger=dict(self._ledger.written),
            error=self._refused or self._ledger.error,
        )

    def _wait(self, due: float) -> bool:
        """Serve acknowledgements until the instant `due` of the monotonic clock; False when the replay must end."""
        while (left := due - time.monotonic()) > 0 and not self._ended():
            self._producer.poll(min(left, 0.05))
        return not self._ended()

    def _send(self, topic: str, key: bytes, value: bytes) -> bool:
        while not self._ended():
            try:
                self._producer.produce(topic, value=value, key=key, on_delivery=self._ledger.record)
            except BufferError:  # as many records in flight as allowed: wait for acknowledgements
                self._producer.poll(0.05)
            except KafkaException as error:
                self._refused = f"{topic}: the producer refused a record: {error}"
            else:
                self._sent += 1
                return True
        return False

    def _look(self, event_time: datetime) -> None:
        self._producer.poll(0)
        now = time.monotonic()
        if now >= self._next_progress:
            self._next_progress = now + _PROGRESS_SECONDS
            self._progress(Progress(self._sent, self._ledger.acknowledged, event_time))

    def _ended(self) -> bool:
        return self._stop.is_set() or self._ledger.failed > 0 or self._refused is not None


class _Pace:
    """When an event is due on the monotonic clock: the first one at once, the others as far apart as `speed` says."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start: tuple[float, datetime] | None = None

    def due(self, event_time: datetime) -> float:
        if self._speed == 0:
            return 0.0
        if self._start is None:
            self._start = (time.monotonic(), event_time)
        began, first = self._start
        return began + (event_time - first) / timedelta(seconds=1) / self._speed


def _rows(records: pl.DataFrame) -> Iterator[tuple[datetime, str, bytes, bytes]]:
    for part in records.iter_slices(_SLICE_ROWS):
        yield from part.select("event_time", "stream", "key", "value").iter_rows()


def _silent(_: Progress) -> None:
    pass


def _expect_topics(producer: Producer, topics: list[str], kafka: str) -> None:
    missing = []
    for topic in topics:
        try:
            found = producer.list_topics(topic, timeout=_METADATA_SECONDS).topics[topic]
        except KafkaException as error:
            raise BrokerUnavailable(
                f"{kafka}: no answer from Kafka within {_METADATA_SECONDS:.0f} s ({error}); check the address"
            ) from error
        if found.error is not None and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            missing.append(topic)
    if missing:
        raise PlanError(f"{kafka}: expected topics {', '.join(missing)}, which do not exist; apply flights.yaml first")
