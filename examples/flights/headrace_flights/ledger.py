"""What a replay wrote, as far as Kafka has acknowledged it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from confluent_kafka import KafkaError, Message


@dataclass(frozen=True, slots=True)
class Written:
    """One partition: how many records were acknowledged, and the highest offset among them."""

    acknowledged: int
    highest_offset: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a replay did.

    sent = acknowledged + failed. A failed record is one that was not acknowledged in time or was refused: after a
    timeout it may be in the log all the same. first_event and last_event are the event times of the first and last
    record sent (None when there was none). error says why the replay ended early on its own accord, if it did.
    ledger: (topic, partition) → what was written there.
    """

    sent: int
    acknowledged: int
    failed: int
    first_event: datetime | None
    last_event: datetime | None
    seconds: float
    ledger: Mapping[tuple[str, int], Written]
    error: str | None = None


@dataclass(slots=True)
class Ledger:
    """Counts acknowledgements; `record` is the producer's delivery callback."""

    written: dict[tuple[str, int], Written] = field(default_factory=dict)
    acknowledged: int = 0
    failed: int = 0
    error: str | None = None  # the first failure

    def record(self, error: KafkaError | None, message: Message) -> None:
        """Book one record that Kafka has acknowledged or that has failed for good."""
        if error is not None:
            self.failed += 1
            self.error = self.error or f"{message.topic()}: a record was not acknowledged: {error.str()}"
            return
        self.acknowledged += 1
        place, offset = _place(message)
        before = self.written.get(place, Written(acknowledged=0, highest_offset=-1))
        self.written[place] = Written(before.acknowledged + 1, max(before.highest_offset, offset))


def _place(message: Message) -> tuple[tuple[str, int], int]:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None, "an acknowledged record has a place"
    assert partition is not None
    assert offset is not None
    return (topic, partition), offset
