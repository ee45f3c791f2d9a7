"""Sends the records of ids in their order, at a given pace, and books what becomes of each."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from rig.oracle.ledger import LedgerWriter
from rig.oracle.payload import event

ID_HEADER = "oracle-id"
"""The header of a raw record that carries its id, tombstones included."""

_TICK = 0.02  # seconds between two batches
_LAST = 120.0  # seconds that the last acknowledgements may take
_VALUE_BYTES = 6_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a run; `unknown` ids may or may not be in Kafka."""

    next_id: int
    issued: int
    acknowledged: int
    unknown: int
    why: str


class Sender:
    """One producer, one ledger; idempotent, so that the order of a partition is the order of its ids."""

    def __init__(self, kafka: str, prefix: str, seed: int, ledger: LedgerWriter) -> None:
        self._prefix = prefix
        self._seed = seed
        self._ledger = ledger
        self._acknowledged = 0
        self._failed = 0
        self._booked: list[tuple[int, int, int]] = []
        self._lost: list[tuple[int, str]] = []
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.max.bytes": _VALUE_BYTES,
                "queue.buffering.max.kbytes": 262_144,
                "delivery.timeout.ms": 600_000,  # a broker may be gone for a while: that is what is being tested
                "socket.timeout.ms": 10_000,
                "reconnect.backoff.max.ms": 1_000,
            }
        )

    def run(self, first: int, count: int | None, rate: float, stopping: threading.Event) -> Sent:
        """Send ids from `first` on, `rate` a second (0: as fast as may be), until `count` are sent or told to stop."""
        began = time.monotonic()
        end = None if count is None else first + count
        following = first
        while not stopping.is_set() and following != end:
            due = following + 500 if rate == 0 else first + int((time.monotonic() - began) * rate) + 1
            until = due if end is None else min(due, end)
            if until > following:
                self._send(following, until)
                following = until
            self._poll(0 if rate == 0 else _TICK)
        why = "signal" if stopping.is_set() else "done"
        left = self._flush()
        self._ledger.end(why)
        issued = following - first
        assert left + self._failed + self._acknowledged == issued, "every id has one outcome"
        return Sent(following, issued, self._acknowledged, issued - self._acknowledged, why)

    def _send(self, first: int, end: int) -> None:
        self._ledger.issue(first, end)
        for id_ in range(first, end):
            record = event(self._seed, id_)
            while True:
                try:
                    self._producer.produce(
                        f"{self._prefix}{record.stream}",
                        record.value,
                        partition=record.partition,
                        headers=[(ID_HEADER, str(id_).encode())],
                        on_delivery=partial(self._told, id_),
                    )
                    break
                except BufferError:
                    self._poll(0.1)
                except KafkaException as error:
                    self._told(id_, error.args[0], None)
                    break

    def _told(self, id_: int, error: KafkaError | None, message: Message | None) -> None:
        if error is not None or message is None:
            self._failed += 1
            self._lost.append((id_, str(error)))
            return
        self._acknowledged += 1
        self._booked.append((id_, int(message.partition() or 0), int(message.offset() or 0)))

    def _poll(self, seconds: float) -> None:
        self._producer.poll(seconds)
        self._book()

    def _flush(self) -> int:
        left: int = self._producer.flush(_LAST)
        self._book()
        return left

    def _book(self) -> None:
        self._ledger.acknowledge(self._booked)
        self._ledger.fail(self._lost)
        self._booked, self._lost = [], []
