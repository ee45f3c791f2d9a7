"""Bytes that were made to hurt: every one is refused for its reason, in bounded memory, and the process lives on."""

import struct
from collections.abc import Callable
from contextlib import AbstractContextManager

import pyarrow as pa
import pytest
from headrace.contract.errors import BadMessage
from headrace.wire.gate import admit
from headrace.wire.limits import Limits

StreamWriter = Callable[..., bytes]
MemoryWatch = Callable[[int], AbstractContextManager[None]]

MIB = 1024 * 1024
WORDS = pa.table({"word": ["aaaa", "bbbb", "cccc"]})
NUMBERS = pa.schema([("n", pa.int64())])
OFFSETS = struct.pack("<4i", 0, 4, 8, 12)


@pytest.fixture
def refused(at_most: MemoryWatch) -> Callable[[bytes | None, pa.Schema], str]:
    """The reason for which the gate refuses a value, found within 20 MiB (the largest value here has 8)."""

    def reason(value: bytes | None, schema: pa.Schema) -> str:
        with at_most(20 * MIB), pytest.raises(BadMessage) as caught:
            admit(value, None, schema)
        assert len(str(caught.value)) < 500
        assert "\n" not in str(caught.value)
        return caught.value.reason

    return reason


Refused = Callable[[bytes | None, pa.Schema], str]


def patched(value: bytes, old: bytes, new: bytes) -> bytes:
    """The one occurrence of `old` overwritten."""
    assert value.count(old) == 1
    assert len(old) == len(new)
    return value.replace(old, new)


@pytest.mark.parametrize(
    "offsets",
    [(0, 4, 8, 2**31 - 1), (0, 4, -8, 12), (-(2**31), 4, 8, 12), (0, 2**30, 8, 12), (8, 4, 0, 12), (0, 4, 8, 13)],
)
def test_string_offsets_that_point_outside(stream: StreamWriter, refused: Refused, offsets: tuple[int, ...]) -> None:
    value = patched(stream(WORDS), OFFSETS, struct.pack("<4i", *offsets))

    assert refused(value, WORDS.schema) == "bad_arrow"


@pytest.mark.parametrize("text", [b"\xff\xfe\xfd\xfc", b"\xc0\x80bb", b"\xed\xa0\x80b", b"bbb\xf0"])
def test_text_that_is_not_utf8(stream: StreamWriter, refused: Refused, text: bytes) -> None:
    assert refused(patched(stream(WORDS), b"bbbb", text), WORDS.schema) == "bad_arrow"


def test_a_dictionary_index_out_of_range(stream: StreamWriter, refused: Refused) -> None:
    words = pa.table({"word": WORDS["word"].combine_chunks().dictionary_encode()})
    value = patched(stream(words), struct.pack("<3i", 0, 1, 2), struct.pack("<3i", 0, 1, 2**30))

    # Dictionaries are refused before their indices matter, even where somebody registered such a schema.
    assert refused(value, words.schema) == "bad_frame"
    assert refused(value, WORDS.schema) == "bad_frame"


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_bomb_that_says_how_large_it_is(stream: StreamWriter, refused: Refused, compression: str) -> None:
    # Given: 160 MB of zeros, which are a few hundred KB on the wire
    zeros = pa.repeat(0, 200_000)
    bomb = pa.table({f"c{number}": zeros for number in range(100)})

    assert refused(stream(bomb, compression=compression), bomb.schema) == "too_large"


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("declared", [8, 2**20, -2, -(2**63), 12 * 2**30, 2**63 - 1])
def test_a_bomb_that_lies_about_its_size(
    stream: StreamWriter, refused: Refused, compression: str, declared: int
) -> None:
    value = stream(pa.table({"n": pa.repeat(0, 100_000)}), compression=compression)
    lie = patched(value, struct.pack("<q", 800_000), struct.pack("<q", declared))

    assert refused(lie, NUMBERS) == {8: "bad_arrow", 2**20: "bad_arrow"}.get(
        declared, "bad_metadata" if declared < 0 else "too_large"
    )


def test_two_sizes_that_overflow_when_added(stream: StreamWriter, refused: Refused) -> None:
    value = stream(pa.table({"a": pa.repeat(0, 100_000), "b": pa.repeat(0, 100_000)}), compression="lz4")
    lie = value.replace(struct.pack("<q", 800_000), struct.pack("<q", 2**62 + 2**61))

    assert refused(lie, pa.schema([("a", pa.int64()), ("b", pa.int64())])) == "too_large"


def test_one_body_that_many_columns_share(stream: StreamWriter) -> None:
    # Given: 200 columns of 8 bytes each; all but two are made to refer to the whole body of 1,600 bytes
    table = pa.table({f"c{number}": [1] for number in range(200)})
    value = stream(table)
    for number in range(2, 200):
        value = patched(value, struct.pack("<2q", 8 * number, 8), struct.pack("<2q", 0, 1_600))
    claim = 2 * 8 + 198 * 1_600

    # Then: every reference counts, although the body is small
    assert admit(value, None, table.schema, Limits(decoded_bytes=claim)).num_rows == 1
    with pytest.raises(BadMessage, match=f"too_large: {claim} bytes decoded"):
        admit(value, None, table.schema, Limits(decoded_bytes=claim - 1))


def test_two_billion_rows_of_nothing(stream: StreamWriter, refused: Refused) -> None:
    nothing = pa.record_batch({"n": pa.nulls(2**31)})
    value = stream(nothing, allow_64bit=True)

    assert len(value) < 1_000
    assert refused(value, nothing.schema) == "too_many_rows"


def test_rows_that_add_up_over_batches(stream: StreamWriter, refused: Refused) -> None:
    some = pa.record_batch({"n": pa.nulls(1_000)})

    assert refused(stream(*[some] * 201), some.schema) == "too_many_rows"


def test_a_negative_number_of_rows(stream: StreamWriter, refused: Refused) -> None:
    value = stream(pa.record_batch({"n": pa.nulls(123_456)}))
    # Given: both the batch's and the column's count
    assert value.count(struct.pack("<q", 123_456)) == 3

    negative = value.replace(struct.pack("<q", 123_456), struct.pack("<q", -1))

    assert refused(negative, pa.schema([("n", pa.null())])) == "too_many_rows"


def test_two_columns_of_one_name(stream: StreamWriter, refused: Refused) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"])

    assert refused(stream(twice), NUMBERS) == "bad_schema"
    assert refused(stream(twice), pa.schema([("n", pa.int64()), ("m", pa.int64())])) == "bad_schema"


def test_run_end_encoding(stream: StreamWriter, refused: Refused) -> None:
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2**31 - 1], pa.int32()), pa.array([1]))

    assert refused(stream(pa.record_batch({"n": runs})), NUMBERS) == "too_many_rows"
    assert refused(stream(pa.record_batch({"n": runs.slice(0, 5)})), NUMBERS) == "bad_schema"


@pytest.mark.parametrize(("columns", "reason"), [(2_001, "too_many_columns"), (50_000, "too_large")])
def test_columns_without_end(stream: StreamWriter, refused: Refused, columns: int, reason: str) -> None:
    wide = pa.record_batch([pa.nulls(1)] * columns, names=[f"c{number}" for number in range(columns)])

    assert refused(stream(wide), NUMBERS) == reason


def test_columns_nested_without_end(stream: StreamWriter, refused: Refused) -> None:
    kind = pa.int64()
    for _ in range(20):
        kind = pa.list_(kind)

    assert refused(stream(pa.schema([("n", kind)]).empty_table()), NUMBERS) == "bad_schema"


def schema_of_shared_fields(count: int) -> bytes:
    """A schema message of `count` fields that are all the same one, whose `count` children are all the same one."""
    message, message_vtable, schema_vtable, field_vtable, leaf_vtable = 48, 4, 16, 24, 40
    schema = message + 24
    fields = schema + 8
    field = fields + 4 + 4 * count
    children = field + 8
    leaf = children + 4 + 4 * count
    data = b"".join(
        [
            struct.pack("<I", message),
            struct.pack("<HH4H", 12, 24, 4, 6, 8, 16),  # a message's version, kind, header, body length
            struct.pack("<HH2H", 8, 8, 0, 4),  # a schema's fields
            struct.pack("<HH6H", 16, 8, 0, 0, 0, 0, 0, 4),  # a field's children
            struct.pack("<HH4x", 4, 4),  # a leaf's nothing
            struct.pack("<ihBxI4xq", message - message_vtable, 4, 1, schema - message - 8, 0),
            struct.pack("<iI", schema - schema_vtable, fields - schema - 4),
            struct.pack(f"<{count + 1}I", count, *(field - fields - 4 - 4 * i for i in range(count))),
            struct.pack("<iI", field - field_vtable, children - field - 4),
            struct.pack(f"<{count + 1}I", count, *(leaf - children - 4 - 4 * i for i in range(count))),
            struct.pack("<i", leaf - leaf_vtable),
        ]
    )
    data += bytes(-len(data) % 8)
    return struct.pack("<Ii", 0xFFFFFFFF, len(data)) + data + struct.pack("<Ii", 0xFFFFFFFF, 0)


def test_fields_that_share_their_children_are_counted_each_time(refused: Refused) -> None:
    # 40 fields of 40 children are 1,640 and only not what was registered; 1,500 of 1,500 are more than two million
    assert refused(schema_of_shared_fields(40), NUMBERS) in {"bad_arrow", "bad_schema"}
    assert refused(schema_of_shared_fields(1_500), NUMBERS) == "too_many_columns"


def test_a_name_that_is_not_text(stream: StreamWriter, refused: Refused) -> None:
    value = stream(pa.table({"nnnnnnnn": [1]})).replace(b"nnnnnnnn", b"\xff\nnnn\xffnn")

    assert refused(value, NUMBERS) == "bad_schema"


def test_an_extension_type(stream: StreamWriter, refused: Refused) -> None:
    dressed = pa.schema([pa.field("n", pa.int64(), metadata={"ARROW:extension:name": "arrow.json"})])

    assert refused(stream(pa.Table.from_arrays([pa.array([1])], schema=dressed)), NUMBERS) == "bad_schema"


def test_the_old_metadata_version_which_can_hide_a_compression(stream: StreamWriter, refused: Refused) -> None:
    value = stream(pa.table({"n": [1]}), metadata_version=pa.ipc.MetadataVersion.V4)

    assert refused(value, NUMBERS) == "bad_frame"


def test_the_framing_of_before_arrow_0_15(stream: StreamWriter, refused: Refused) -> None:
    assert refused(stream(pa.table({"n": [1]}), use_legacy_format=True), NUMBERS) == "bad_frame"


@pytest.mark.parametrize("compression", [None, "lz4"])
def test_a_stream_cut_at_any_byte(stream: StreamWriter, compression: str | None) -> None:
    value = stream(WORDS, compression=compression)

    for end in range(len(value)):
        with pytest.raises(BadMessage) as caught:
            admit(value[:end], None, WORDS.schema)
        assert caught.value.reason == "bad_frame"
        with pytest.raises(BadMessage):
            admit(value[end + 1 :], None, WORDS.schema)


def test_bytes_after_the_end(stream: StreamWriter, refused: Refused) -> None:
    value = stream(WORDS)

    assert refused(value + b"\0", WORDS.schema) == "bad_frame"
    assert refused(value + value, WORDS.schema) == "bad_frame"
    assert refused(bytes(8) + value, WORDS.schema) == "bad_frame"


def test_several_schemas_in_one_stream(stream: StreamWriter, refused: Refused) -> None:
    value = stream(WORDS)
    schema_message = WORDS.schema.serialize().to_pybytes()
    assert value.startswith(schema_message)

    assert refused(schema_message + value, WORDS.schema) == "bad_frame"
    assert refused(value[len(schema_message) :], WORDS.schema) == "bad_frame"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no_value"),
        (b"", "bad_frame"),
        (b"{}", "bad_frame"),
        (b"\xff" * 64, "bad_frame"),
        (struct.pack("<Ii", 0xFFFFFFFF, 0), "bad_frame"),
        (bytes(8 * MIB), "bad_frame"),
        (bytes(8 * MIB + 1), "too_large"),
    ],
)
def test_what_is_no_stream_at_all(refused: Refused, value: bytes | None, reason: str) -> None:
    assert refused(value, NUMBERS) == reason
