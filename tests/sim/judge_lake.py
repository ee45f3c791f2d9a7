"""A Delta table as its protocol describes it, read with nothing but JSON and Parquet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from sim.judge_log import Record, read

Get = Callable[[str], bytes | None]
"""The bytes of an object, None where there is none."""


def check_table(get: Get, root: str, stream: str | None, app: str, logs: Mapping[int, Sequence[Record]]) -> list[str]:
    """What is wrong with a table of a topic's rows; for a split log of those of `stream`.

    `app` is what the names of its transactions begin with: `<app>/<partition>` holds the next offset.
    """
    problems = []
    rows: Counter[tuple[int, ...]] = Counter()
    positions: dict[str, int] = {}
    version = 0
    while (body := get(f"{root}/_delta_log/{version:020d}.json")) is not None:
        for action in map(json.loads, body.splitlines()):
            if "txn" in action:
                name, said = action["txn"]["appId"], action["txn"]["version"]
                if said < positions.get(name, 0):
                    problems.append(f"I8 {root}: version {version} takes {name} back from {positions[name]} to {said}")
                positions[name] = said
            if "add" in action:
                rows.update(_identities(get(f"{root}/{unquote(action['add']['path'])}") or b""))
        version += 1
    wanted: Counter[tuple[int, ...]] = Counter()
    for partition, log in logs.items():
        for message in read(log):
            for _, row in message.rows:
                if stream is None or row["_stream"] == stream:
                    wanted[(row["_partition"], row["_offset"], row["_row"], partition, message.offset)] += 1
        if positions.get(f"{app}/{partition}", 0) != len(log):
            problems.append(
                f"I8 {root}: partition {partition} ends at {positions.get(f'{app}/{partition}')}, not {len(log)}"
            )
    problems += [f"I1 {root}: {count} times lost: {row}" for row, count in (wanted - rows).items()]
    problems += [f"I2 {root}: {count} times too often: {row}" for row, count in (rows - wanted).items()]
    return problems


def _identities(body: bytes) -> list[tuple[int, ...]]:
    names = ["_partition", "_offset", "_row", "_log_partition", "_log_offset"]
    # Not `read_table`: its threads may outlive the interpreter and abort it (docs/upstream).
    table = pq.ParquetFile(pa.BufferReader(body), pre_buffer=False).read(names, use_threads=False)
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))
