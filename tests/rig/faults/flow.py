"""Whether messages move at the last hop, and how long it took after each fault until they did.

Flowing again means: a request that Kafka acknowledged after the fault was healed has its prediction; for a fault of the
lake, its row is covered by what the lake has committed. So what was on its way already does not count.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import pyarrow as pa
from confluent_kafka import Consumer, KafkaException, TopicPartition

from rig.judgement.facts import Facts
from rig.judgement.kafka_reader import KafkaReader

_PAUSE = 0.15
_ASK_SECONDS = 2.0


@dataclass(eq=False, slots=True)
class Recovery:
    """One fault: `goal` is the end of the raw requests, by partition, at the first look after it was healed."""

    kind: str
    target: str
    began: float
    healed: float | None = None
    goal: dict[int, int] | None = None
    flowed: float | None = None
    moved_meanwhile: int = 0  # messages at the last hop between begin and heal

    @property
    def seconds(self) -> float | None:
        """From the fault (from its end, when it lasted) to flowing again."""
        return None if self.flowed is None or self.healed is None else max(0.0, self.flowed - self.healed)


class Flow:
    """A thread that watches; a context manager. A broker that does not answer is a moment in which nothing is seen."""

    def __init__(self, kafka: str, facts: Facts) -> None:
        (name,) = facts.predictions
        stream = facts.predictions[name].on
        self._kafka = kafka
        self._raw = facts.topic("raw", stream)
        self._ingested = facts.topic("ingested", stream)
        self._last = facts.topic("predictions", name)
        self._lake = facts.group("lake")
        self._partitions = range(facts.partitions)
        self._seen: dict[int, int] = {}  # the highest raw offset that has a prediction, by partition
        self._lock = threading.Lock()
        self._open: list[Recovery] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flow", daemon=True)
        self.messages = 0
        self.troubles: Counter[str] = Counter()  # why nothing was seen for a moment
        self.recoveries: list[Recovery] = []
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join(30)

    def begin(self, kind: str, target: str) -> Recovery:
        """Book a fault that begins now."""
        recovery = Recovery(kind, target, time.monotonic(), moved_meanwhile=-self.messages)
        with self._lock:
            self.recoveries.append(recovery)
        return recovery

    def heal(self, recovery: Recovery) -> None:
        """The fault is over: from now on it is waited for."""
        with self._lock:
            recovery.healed = time.monotonic()
            recovery.moved_meanwhile += self.messages
            self._open.append(recovery)

    @property
    def flows(self) -> bool:
        """Whether every healed fault has been recovered from."""
        with self._lock:
            return not self._open

    def waiting(self) -> list[Recovery]:
        """The healed faults from which nothing has flowed yet."""
        with self._lock:
            return list(self._open)

    def _run(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._kafka,
                "group.id": "flow",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        try:
            with KafkaReader(self._kafka, _ASK_SECONDS) as reader:
                consumer.assign([TopicPartition(self._last, number, 0) for number in self._partitions])
                looked = 0.0
                while not self._ending.is_set():
                    for message in consumer.consume(500, _PAUSE):
                        if (error := message.error()) is None:
                            self._take(message.value())
                        else:
                            self.troubles[f"consume: {error}"] += 1
                    if time.monotonic() - looked > 2 * _PAUSE:
                        self._look(consumer, reader)
                        looked = time.monotonic()
        except BaseException as error:  # noqa: BLE001  told to whoever waits for it
            self.failure = error
        finally:
            consumer.close()

    def _take(self, value: bytes | None) -> None:
        self.messages += 1
        rows = pa.ipc.open_stream(value).read_all()
        places = zip(rows["_partition"].to_pylist(), rows["_offset"].to_pylist(), strict=True)
        for partition, offset in places:
            self._seen[partition] = max(offset, self._seen.get(partition, -1))

    def _look(self, consumer: Consumer, reader: KafkaReader) -> None:
        """Set the goals of what was healed before this look, and close what has reached its own."""
        began = time.monotonic()
        raw = self._ends(consumer)
        lake = self._committed(reader) if any(each.target == "lake" for each in self.waiting()) else None
        now = time.monotonic()
        with self._lock:
            for each in list(self._open):
                assert each.healed is not None
                done, goal = (lake, lake) if each.target == "lake" else (self._seen, raw)
                if each.goal is None:
                    if goal is not None and began >= each.healed:
                        each.goal = dict(goal)
                elif done is not None and any(done.get(n, -1) > offset for n, offset in each.goal.items()):
                    each.flowed = now
                    self._open.remove(each)

    def _ends(self, consumer: Consumer) -> dict[int, int] | None:
        """The highest offset of each raw partition."""
        try:
            return {
                number: consumer.get_watermark_offsets(TopicPartition(self._raw, number), _ASK_SECONDS)[1] - 1
                for number in self._partitions
            }
        except (KafkaException, OSError) as error:
            self.troubles[f"ends: {error}"] += 1
            return None

    def _committed(self, reader: KafkaReader) -> dict[int, int] | None:
        """How far the lake has come in what ingestion wrote."""
        try:
            done = reader.committed(self._lake, [self._ingested])
        except (KafkaException, OSError) as error:
            self.troubles[f"committed: {error}"] += 1
            return None
        found = {
            number: done[self._ingested, number] for number in self._partitions if (self._ingested, number) in done
        }
        return found or None
