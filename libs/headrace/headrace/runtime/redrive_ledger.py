"""Which rejected rows of a raw topic were sent again, as an object beside the topic's id.

Key: `topics/<tenant>/<pipeline>/redriven/<raw topic>/<topic id>`; the object is an Arrow stream of row identities. Its
metadata says up to where the raw topic has been looked through for records that were sent again: what was sent after
the ledger was written last is found there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa

from headrace.contract.errors import PlanError
from headrace.contract.identity import IDENTITY
from headrace.contract.topics import TopicNames
from headrace.runtime.topic_ids import Topic

Identity = tuple[int, int, int]
"""Raw partition, offset and row."""

_SCHEMA = pa.schema(IDENTITY)
_LOOKED = b"looked_through"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rows that were sent again; `looked` is the first offset of each partition that was not looked at."""

    done: frozenset[Identity]
    looked: dict[int, int]


def ledger_key(names: TopicNames, topic: str, found: Topic) -> str:
    """Where the ledger of a raw topic lies."""
    return f"topics/{names.tenant}/{names.pipeline}/redriven/{topic}/{found.id}"


def encode(ledger: Ledger) -> bytes:
    """The bytes of a ledger."""
    columns = list(zip(*sorted(ledger.done), strict=True)) or [(), (), ()]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, _SCHEMA, strict=True)]
    schema = _SCHEMA.with_metadata({_LOOKED: json.dumps(ledger.looked)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    body: bytes = sink.getvalue().to_pybytes()
    return body


def decode(body: bytes, key: str) -> Ledger:
    """The inverse of `encode`; raises PlanError for anything else: to go on without it could send rows twice."""
    try:
        rows = pa.ipc.open_stream(body).read_all()
        looked = json.loads(rows.schema.metadata[_LOOKED])
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(f"{key} is no list of the rows that were sent again: {error}; restore that object") from error
    done = zip(*(rows[field.name].to_pylist() for field in IDENTITY), strict=True)
    return Ledger(frozenset(done), {int(partition): offset for partition, offset in looked.items()})
