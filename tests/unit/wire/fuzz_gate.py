"""Mutates good messages for a while: each must be admitted as sound rows or refused, nothing else.

    python tests/unit/wire/fuzz_gate.py SEEDS_FILE SECONDS FIRST_SEED

Every case follows from its seed alone. The seed at work stands in SEEDS_FILE, so that even a crash names it; a failing
case is run again with SECONDS 0. Ends with the number of cases that were admitted and refused.
"""

import os
import random
import re
import resource
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from headrace.contract.columns import ColumnType
from headrace.contract.errors import BadMessage, SchemaMismatch
from headrace.wire import headers as wire_headers
from headrace.wire.fingerprint import fingerprint
from headrace.wire.gate import admit
from headrace.wire.headers import Headers, Progress
from headrace.wire.message import encode
from headrace.wire.origin import OriginKey, from_offsets
from headrace.wire.position import Position

HEADROOM = 512 * 1024 * 1024  # well above what the limits allow, well below what a bomb would need
ROWS = 40
SCHEMA = pa.schema(
    [pa.field(kind.value, kind.arrow) for kind in ColumnType]
    + [pa.field("must", pa.int32(), nullable=False), pa.field("nothing", pa.null())]
)
# Readers of another version: columns in another order, fewer, one more; and one that cannot read what is there.
READER = pa.schema([pa.field("new", pa.float64()), *(SCHEMA.field(name) for name in ("must", "string", "int64"))])
STRANGER = pa.schema([pa.field("int64", pa.string())])
NUMBERS = (0, 1, -1, -2, 7, 8, 2**15, 2**16, 2**31 - 1, -(2**31), 2**32, 2**33, 12 * 2**30, 2**63 - 1, -(2**63))


def good_rows() -> pa.Table:
    rng = random.Random(0)
    words = ["", "a", "Malmö", "x" * 30]
    makers: dict[str, Callable[[], object]] = {
        "string": lambda: rng.choice([*words, None]),
        "binary": lambda: rng.choice([b"", b"\xff\0", None]),
        "bool": lambda: rng.choice([True, False, None]),
        "must": lambda: rng.randrange(100),
        "nothing": lambda: None,
    }
    columns = [
        pa.array([makers.get(field.name, lambda: rng.choice([0, 1, 100, None]))() for _ in range(ROWS)], field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def headers_of(rows: int) -> Headers:
    origin = from_offsets(OriginKey("stage", "topic", 0), Position(3), Position(3 + rows), np.arange(3, 3 + rows))
    return encode(
        good_rows().slice(0, rows), origin=origin, progress=Progress(5, behind=True), time_column="timestamp"
    ).headers


def headers_that_agree(value: bytes) -> Headers:
    """Headers that name the schema which the value has, as far as it has one: of another version, it seems."""
    try:
        named = fingerprint(pa.ipc.open_stream(value).schema)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        named = "0" * 16
    return replace(GOOD_HEADERS, schema=named)


GOOD_HEADERS = headers_of(ROWS)


def good_values() -> list[bytes]:
    table = good_rows()
    values = []
    plain = table.drop_columns(["nothing"])  # what a version of Headrace can have written
    for rows in (table, plain):
        for compression, parts in [(None, 1), ("lz4", 1), ("zstd", 1), (None, 3), ("lz4", 3)]:
            sink = pa.BufferOutputStream()
            options = pa.ipc.IpcWriteOptions(compression=compression)
            with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
                writer.write_table(rows, max_chunksize=-(-ROWS // parts))
            values.append(sink.getvalue().to_pybytes())
    return values


def flip(rng: random.Random, value: bytes, _: bytes) -> bytes:
    changed = bytearray(value)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(rng: random.Random, value: bytes, _: bytes) -> bytes:
    start, end = sorted((rng.randrange(len(value)), rng.randrange(len(value))))
    return value[:start] + value[end:]


def splice(rng: random.Random, value: bytes, other: bytes) -> bytes:
    start, end = sorted((rng.randrange(len(other)), rng.randrange(len(other))))
    at = rng.randrange(len(value))
    return value[:at] + other[start:end] + value[at + rng.choice([0, end - start]) :]


def overwrite(rng: random.Random, value: bytes, _: bytes) -> bytes:
    width = rng.choice([1, 2, 4, 8])
    number = rng.choice([*NUMBERS, rng.getrandbits(64)]) % 2 ** (8 * width)
    at = rng.randrange(0, max(1, len(value) - width), rng.choice([1, 2, 4, 8]))
    written: bytes = number.to_bytes(width, "little")
    return value[:at] + written + value[at + width :]


def nudge(rng: random.Random, value: bytes, _: bytes) -> bytes:
    at = rng.randrange(0, max(1, len(value) - 8), 8)
    (number,) = struct.unpack_from("<q", value.ljust(at + 8, b"\0"), at)
    changed: bytes = ((number + rng.choice([-8, -1, 1, 8, number])) % 2**64).to_bytes(8, "little")
    return value[:at] + changed + value[at + 8 :]


MUTATIONS = (flip, cut, splice, overwrite, overwrite, nudge, nudge)


def try_value(rng: random.Random, values: list[bytes]) -> str:
    value = rng.choice(values)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        value = rng.choice(MUTATIONS)(rng, value, rng.choice(values)) or b"\0"
    registered = rng.choice([SCHEMA, SCHEMA, READER, STRANGER])
    headers = rng.choice([None, GOOD_HEADERS]) if registered is SCHEMA else headers_that_agree(value)
    try:
        table = admit(value, headers, registered)
    except SchemaMismatch:
        return "of a version that cannot be read"
    except BadMessage as bad:
        assert_tells(bad)
        return f"refused as {bad.reason}"
    # Admitted rows are sound: what one process could read, the next reads as the same rows.
    assert headers is None or table.num_rows == ROWS
    assert table.schema.equals(registered, check_metadata=True)
    again = encode_plain(table)
    assert encode_plain(admit(again, None, registered)) == again
    return "admitted" if registered is SCHEMA else "read by name"


def encode_plain(table: pa.Table) -> bytes:
    rows = table.num_rows
    origin = from_offsets(OriginKey("stage", "topic", 0), Position(0), Position(rows), np.arange(rows))
    return encode(table, origin=origin, progress=Progress(None, behind=False), time_column=None).value


def try_headers(rng: random.Random) -> str:
    raw: list[tuple[str, bytes | None]] = [*headers_of(rng.choice([0, 1, ROWS])).encode()]
    place = rng.randrange(len(raw))
    name, value = raw[place]
    other = rng.choice(raw)[1]
    changed = rng.choice(MUTATIONS)(rng, value or b"\0", other or b"\0")
    raw[place] = (name, changed)
    try:
        headers = wire_headers.parse(raw)
    except BadMessage as bad:
        assert_tells(bad)
        return f"headers refused as {bad.reason}"
    # Each set of headers has one spelling.
    assert headers.encode() == raw
    return "headers admitted"


def assert_tells(bad: BadMessage) -> None:
    assert re.fullmatch(r"[a-z_]+", bad.reason)
    assert bad.detail.isprintable()
    assert len(bad.detail) < 600


def main() -> None:
    seeds_file, seconds, seed = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    values = good_values()
    for value in values:
        registered = pa.ipc.open_stream(value).schema
        assert admit(value, headers_that_agree(value), registered).equals(good_rows().select(registered.names))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + HEADROOM, size + HEADROOM))
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds
    with seeds_file.open("wb", buffering=0) as at_work:
        while True:
            os.pwrite(at_work.fileno(), b"%20d" % seed, 0)
            rng = random.Random(seed)
            outcomes[try_headers(rng) if rng.random() < 0.1 else try_value(rng, values)] += 1
            seed += 1
            if time.monotonic() >= end:
                break
    for outcome, count in outcomes.most_common():
        print(f"{count:8} {outcome}")


if __name__ == "__main__":
    main()
