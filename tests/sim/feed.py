"""What is written to the topics that a simulation begins with.

Internal topics are written as an upstream stage writes them that crashes, is replaced and wakes up again: ranges that
stood there already come again, cut otherwise, and a message may straddle what was written before.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
from aiokafka import TopicPartition
from headrace.wire.headers import Progress
from headrace.wire.message import Message, encode
from headrace.wire.origin import Origin, OriginKey, from_offsets, split
from headrace.wire.position import Position

from sim.broker import Headers
from sim.pipelines import BAD, PLAN, RELAYED

SCRIPTS = 40
"""How many different inputs there are of each kind; what happens while they are worked on is the seed's matter."""

_BASE = 1_704_067_200_000_000
_SECOND = 1_000_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A record that a producer writes, seconds after the beginning."""

    at: float
    place: TopicPartition
    value: bytes
    headers: Headers


Script = tuple[Written, ...]


@lru_cache
def relay_input(number: int) -> Script:
    """Two partitions, each written by two origins, and now and then what nobody can read."""
    dice = random.Random(f"relay {number}")
    written: list[Written] = []
    for source in range(2):
        rows = [_some(dice, 0, 3, partial(_relayed, dice, source, at)) for at in range(dice.randint(2, 5))]
        for target in range(2):
            here = [[row for row in each if row["n"] // 4 % 2 == target] for each in rows]
            key = OriginKey("before", "sim.before", source)
            written += _spread(dice, TopicPartition("sim.in", target), _messy(dice, key, here, RELAYED, None))
    if dice.random() < 0.3:
        written.append(Written(dice.uniform(0, 2), TopicPartition("sim.in", 0), b"garbage", ()))
    return _sorted(written)


@lru_cache
def raw_input(number: int) -> Script:
    """JSON events, some of them broken."""
    dice = random.Random(f"raw {number}")
    written = []
    for stream, count in (("orders", 2), ("visits", 1)):
        for partition in range(count):
            for offset in range(dice.randint(2, 6)):
                event = {name: value for name, value in _event(dice, stream, offset).items() if name[0] != "_"}
                event["at"] = datetime.fromtimestamp(event["at"] / _SECOND, UTC).isoformat()
                value = b"{" if dice.random() < 0.1 else json.dumps(event).encode()
                place = TopicPartition(PLAN.topics.raw(stream), partition)
                written.append(Written(dice.uniform(0, 2), place, value, ()))
    return _sorted(written)


@lru_cache
def ingested_input(number: int) -> Script:
    """Ingested topics: two partitions of orders, one of visits."""
    dice = random.Random(f"ingested {number}")
    written = []
    for stream, count in (("orders", 2), ("visits", 1)):
        for partition in range(count):
            rows = [
                _some(dice, 0, 2, partial(_ingested, dice, stream, partition, at)) for at in range(dice.randint(2, 5))
            ]
            key = OriginKey("ingestion", PLAN.topics.raw(stream), partition)
            messages = _messy(dice, key, rows, PLAN.ingested_schema(stream), "at")
            written += _spread(dice, TopicPartition(PLAN.topics.ingested(stream), partition), messages)
    return _sorted(written)


@lru_cache
def log_input(number: int, width: int) -> Script:
    """The first merged log, as cleaning writes it from one partition of orders and one of visits."""
    dice = random.Random(f"log {number}")
    written = []
    log = PLAN.logs[0]
    for stream in ("orders", "visits"):
        rows = [_some(dice, 0, 2, partial(_log_row, dice, stream, at)) for at in range(dice.randint(3, 5))]
        key = OriginKey("cleaning", PLAN.topics.ingested(stream), 0)
        for target in range(width):
            here = [[row for row in each if row["_offset"] % width == target] for each in rows]
            written += _spread(dice, TopicPartition(log.topic, target), _messy(dice, key, here, log.schema, "_time"))
    return _sorted(written)


def _relayed(dice: random.Random, source: int, at: int, row: int) -> Row:
    n = BAD if dice.random() < 0.05 else dice.randrange(100)
    return {"n": n, "text": dice.randbytes(700).hex()} | _identity(source, at, row)


def _event(dice: random.Random, stream: str, at: int) -> Row:
    time = _BASE + (at * 8 + dice.randrange(12)) * _SECOND
    if stream == "visits":
        return {"at": time, "town": f"t{dice.randrange(2)}", "people": float(dice.randrange(9))}
    amount = dice.choice((-1.0, 13.0, 2.0, 3.0, 5.0, 8.0, 21.0))
    known = {"shop": f"s{dice.randrange(2)}", "town": f"t{dice.randrange(2)}"}
    return {"id": f"o{dice.randrange(12)}", "at": time, "amount": amount} | known


def _ingested(dice: random.Random, stream: str, partition: int, at: int, row: int) -> Row:
    return _event(dice, stream, at) | _identity(partition, at, row)


def _log_row(dice: random.Random, stream: str, at: int, row: int) -> Row:
    event = _ingested(dice, stream, 0, at, row)
    return {"_stream": stream, "_time": event.pop("at")} | event


def _identity(partition: int, offset: int, row: int) -> Row:
    return {"_partition": partition, "_offset": offset, "_row": row}


def _some(dice: random.Random, least: int, most: int, make: Callable[[int], Row]) -> list[Row]:
    return [make(row) for row in range(dice.randint(least, most))]


def _messy(
    dice: random.Random, key: OriginKey, rows: Sequence[Sequence[Row]], schema: pa.Schema, time: str | None
) -> list[Message]:
    """Everything that the input offsets 0, 1, … have caused, at least once, without a gap, and `current` in the end."""
    messages: list[Message] = []
    count = len(rows)
    reached: int | None = None
    done = 0
    while done < count:
        start = done if dice.random() < 0.5 else dice.randint(max(0, done - 3), done)
        end = min(count, start + dice.randint(1, 4))
        part = [row for each in rows[start:end] for row in each]
        caused_by = np.repeat(np.arange(start, end, dtype=np.int64), [len(each) for each in rows[start:end]])
        times = [row[time] for each in rows[:end] for row in each] if time else []
        reached = max(times, default=None)
        table = pa.Table.from_pylist(part, schema=schema)
        origin = from_offsets(key, Position(start), Position(end), caused_by)
        cut = dice.randrange(len(part)) if part and dice.random() < 0.4 else 0
        if cut:  # two messages for one step, and perhaps its writer has gone away in between
            head, origin = split(origin, cut)
            nothing = Progress(None, behind=True)
            messages.append(encode(table.slice(0, cut), origin=head, progress=nothing, time_column=time))
            if dice.random() < 0.4:
                continue
        progress = Progress(reached, behind=True)
        messages.append(encode(table.slice(cut), origin=origin, progress=progress, time_column=time))
        done = max(done, end)
    last = Origin(key, Position(count), Position(count), ())
    end_of_input = encode(schema.empty_table(), origin=last, progress=Progress(reached, behind=False), time_column=time)
    again = dice.sample(messages, min(len(messages), dice.choice((0, 1, 2))))
    return [*messages, end_of_input, *again]


def _spread(dice: random.Random, place: TopicPartition, messages: Sequence[Message]) -> list[Written]:
    times = sorted(dice.uniform(0, 2) for _ in messages)
    return [
        Written(at, place, message.value, tuple(message.headers.encode()))
        for at, message in zip(times, messages, strict=True)
    ]


def _sorted(written: list[Written]) -> Script:
    return tuple(sorted(written, key=lambda each: each.at))
