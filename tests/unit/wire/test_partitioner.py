"""Kafka's partitioner, for whole columns."""

from __future__ import annotations

import pyarrow as pa
import pytest
from aiokafka.partitioner import murmur2 as one_at_a_time
from headrace.wire.partitioner import murmur2, partition_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("key", "expected"),
    # The vectors of Kafka's own UtilsTest.testMurmur2.
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_hashes_are_those_of_kafka(key: bytes, expected: int) -> None:
    assert int(murmur2(pa.array([key]))[0]) == expected % 2**32


@given(st.lists(st.text(max_size=40), max_size=30), st.integers(0, 5))
def test_a_column_is_hashed_as_its_values_are_one_by_one(keys: list[str], start: int) -> None:
    column = pa.array(keys, pa.string()).slice(start)
    assert murmur2(column).tolist() == [one_at_a_time(key.encode()) % 2**32 for key in keys[start:]]


def test_a_row_without_a_key_keeps_the_number_of_its_raw_partition() -> None:
    # Given a column in which some keys are missing
    keys = pa.chunked_array([["JFK", None], [None, "LGA"]], pa.string())
    # When partitions are chosen among four
    chosen = partition_of(keys, pa.array([0, 1, 6, 0]), 4)
    # Then rows without a key go by their raw partition, and the others where Kafka would send them
    expected = [(one_at_a_time(key) & 0x7FFFFFFF) % 4 for key in (b"JFK", b"LGA")]
    assert chosen.tolist() == [expected[0], 1, 2, expected[1]]


def test_a_number_is_keyed_by_its_text() -> None:
    chosen = partition_of(pa.array([7, 12]), pa.array([0, 0]), 16)
    assert chosen.tolist() == [(one_at_a_time(key) & 0x7FFFFFFF) % 16 for key in (b"7", b"12")]


def test_no_rows_need_no_partition() -> None:
    assert partition_of(pa.chunked_array([], pa.string()), pa.array([], pa.int32()), 4).tolist() == []
