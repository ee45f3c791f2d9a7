"""Evidence spoilt on purpose, one thing at a time: to see that the judge says so, and by the right word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from rig.judgement.content import Record
from rig.judgement.evidence import Evidence
from rig.judgement.origin import Origin, parse

Change = Callable[[pa.Table, list[int]], tuple[pa.Table, list[int]]]
"""A message's rows and the input offset that caused each, before and after."""


def alter(evidence: Evidence, topic: str, change: Change, least: int = 1) -> None:
    """Change the rows of the last message of a topic that has at least so many and is no repetition."""
    for records in evidence.topics[topic]:
        for place in reversed(range(len(records))):
            origin = parse(records[place].header("headrace-origin"))
            if len(origin.caused) >= least and not origin.first[1] and not origin.next[1] and _new(records, place):
                records[place] = _rewritten(records[place], origin, change)
                return
    raise AssertionError(f"{topic} has no message of {least} rows")


def without_row(rows: pa.Table, causes: list[int]) -> tuple[pa.Table, list[int]]:
    """The last row is gone."""
    return rows.slice(0, rows.num_rows - 1), causes[:-1]


def with_row_twice(rows: pa.Table, causes: list[int]) -> tuple[pa.Table, list[int]]:
    """The last row is there again."""
    return pa.concat_tables([rows, rows.slice(rows.num_rows - 1)]), [*causes, causes[-1]]


def with_stranger(rows: pa.Table, causes: list[int]) -> tuple[pa.Table, list[int]]:
    """One more row, of a raw record that never was."""
    stranger = with_value("_offset", 10**9)(rows.slice(rows.num_rows - 1), causes[-1:])[0]
    return pa.concat_tables([rows, stranger]), [*causes, causes[-1]]


def swapped(rows: pa.Table, causes: list[int]) -> tuple[pa.Table, list[int]]:
    """The first and the last row have changed places."""
    order = [rows.num_rows - 1, *range(1, rows.num_rows - 1), 0]
    return rows.take(order), causes


def with_value(column: str, value: object) -> Change:
    """The last row has another value in a column."""

    def change(rows: pa.Table, causes: list[int]) -> tuple[pa.Table, list[int]]:
        field = rows.schema.field(column)
        values = [*rows[column].to_pylist()[:-1], value]
        return rows.set_column(rows.schema.get_field_index(column), field, pa.array(values, field.type)), causes

    return change


def nudged(column: str) -> Change:
    """The last float of a column is one unit in its last place larger."""

    def change(rows: pa.Table, causes: list[int]) -> tuple[pa.Table, list[int]]:
        at = max(n for n, value in enumerate(rows[column].to_pylist()) if value is not None)
        width = pa.int32() if rows.schema.field(column).type == pa.float32() else pa.int64()
        bits = pa.array(rows[column].to_pylist(), rows.schema.field(column).type).view(width).to_pylist()
        bits[at] += 1
        values = pa.array(bits, width).view(rows.schema.field(column).type)
        return rows.set_column(rows.schema.get_field_index(column), rows.schema.field(column), values), causes

    return change


def say_again(evidence: Evidence, topic: str) -> None:
    """The last message with rows is written once more, under an origin that no mark knows."""
    records = next(records for records in evidence.topics[topic] if records)
    record = next(r for r in reversed(records) if int(r.header("headrace-rows")))
    origin = record.header("headrace-origin").split(" ")
    renamed = " ".join([*origin[:2], str(int(origin[2]) + 100), *origin[3:]])
    records.append(_with_header(replace(record, offset=records[-1].offset + 1), "headrace-origin", renamed))


def forget_marks(evidence: Evidence, topic: str) -> None:
    """A message with rows says that it is the first of its origin, which has come further: so readers drop it."""
    for records in evidence.topics[topic]:
        said = [parse(record.header("headrace-origin")) for record in records]
        for at, origin in enumerate(said):
            further = any(before.key == origin.key and before.next >= (1, 0) for before in said[:at])
            if origin.caused and further and _new(records, at):
                text = f"{origin.key} 0 1 {len(origin.caused)}"
                records[at] = _with_header(records[at], "headrace-origin", text)
                return
    raise AssertionError(f"{topic} has no second message of an origin")


def _new(records: list[Record], place: int) -> bool:
    """Whether nobody before or after has said any of it."""
    origin = parse(records[place].header("headrace-origin"))
    others = [parse(r.header("headrace-origin")) for n, r in enumerate(records) if n != place]
    return all(o.key != origin.key or o.next <= origin.first or o.first >= origin.next for o in others)


def _rewritten(record: Record, origin: Origin, change: Change) -> Record:
    rows, causes = change(pa.ipc.open_stream(record.value).read_all(), [offset for offset, _ in origin.caused])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    counted = Counter(causes)
    runs = ",".join(str(counted[offset]) for offset in range(origin.first[0], origin.next[0]))
    head = record.header("headrace-origin").rsplit(" ", 1)[0]
    record = _with_header(record, "headrace-origin", f"{head} {runs}")
    record = _with_header(record, "headrace-rows", str(rows.num_rows))
    return replace(record, value=sink.getvalue().to_pybytes())


def _with_header(record: Record, name: str, text: str) -> Record:
    headers = tuple((key, text.encode() if key == name else value) for key, value in record.headers)
    return replace(record, headers=headers)
