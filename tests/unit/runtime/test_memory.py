"""A service never holds more than its stated memory, whatever the lag.

What bounds it, besides the interpreter and its libraries (about 150 MiB) and the state of the stage itself:

- answers of the broker: `fetch_bytes` a partition, eight times that in all from one broker;
- what waits for a partition's worker: `queue_bytes` and one answer, `fetch_bytes` more (`Inbox`);
- a running step, of which there are `threads`: `step_bytes` and one message of input, each message decoded to at most
  64 MiB (`wire.limits`), and what the stage makes of it;
- what is being sent: messages of at most `message_bytes`.

A record that is larger than one of these bounds still gets through, one at a time: the broker's own limit, 8 MiB for
the suite's topics, is then the bound.
"""

from __future__ import annotations

from typing import Any

import pytest
from headrace.runtime import kafka
from headrace.runtime.inbox import Inbox, size_of
from headrace.runtime.settings import Settings
from unit.runtime.parts import Read, settings


class Client:
    """A client of Kafka that only tells what it was made with."""

    made: dict[str, Any]

    def __init__(self, **options: Any) -> None:
        Client.made = options

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


SETTINGS: Settings = settings(
    kafka="one:9092", instance="a-0", fetch_bytes=1000, queue_bytes=5000, step_bytes=3000, message_bytes=70_000
)


async def test_the_broker_is_asked_for_no_more_than_may_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "AIOKafkaConsumer", Client)
    async with kafka.consumer(SETTINGS, "group"):
        pass
    assert (Client.made["max_partition_fetch_bytes"], Client.made["fetch_max_bytes"]) == (1000, 8000)


async def test_the_client_refuses_to_send_what_is_far_above_the_largest_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka, "AIOKafkaProducer", Client)
    async with kafka.producer(SETTINGS):
        pass
    assert Client.made["max_request_size"] == 70_000 + (1 << 20)


def test_a_partition_that_lags_for_ever_holds_its_queue_and_one_answer() -> None:
    # Given a partition that is never worked on, and a client that fetches for as long as it may
    fetching = [True]
    inbox = Inbox(SETTINGS.queue_bytes, lambda: fetching.clear(), lambda: fetching.append(True))
    record = Read(0, b"x" * 100)
    answer = [record] * (SETTINGS.fetch_bytes // len(record.value or b""))
    while fetching:
        inbox.put(answer, 1)
    # Then what it holds is bounded, with what the objects around small records take
    overhead = size_of(record) / len(record.value or b"")
    assert len(inbox) * 100 <= SETTINGS.queue_bytes + SETTINGS.fetch_bytes * overhead


def test_a_step_takes_its_bytes_and_at_most_one_record_more() -> None:
    inbox = Inbox(1 << 20, lambda: None, lambda: None)
    inbox.put([Read(offset, b"x" * 400) for offset in range(50)], 50)
    run, _ = inbox.take(SETTINGS.step_rows, SETTINGS.step_bytes)
    assert sum(len(record.value or b"") for record in run) <= SETTINGS.step_bytes + 400
