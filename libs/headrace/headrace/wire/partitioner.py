"""Kafka's own choice of partition for a key, for whole columns at once.

Formula: toPositive(murmur2(key bytes)) % partitions, as in org.apache.kafka.clients.producer's default partitioner.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]
UInt32s = npt.NDArray[np.uint32]

_SEED = np.uint32(0x9747B28C)
_M = np.uint32(0x5BD1E995)


def partition_of(keys: pa.Array | pa.ChunkedArray, fallback: pa.Array | pa.ChunkedArray, partitions: int) -> Int64s:
    """The partition of each row: murmur2 of the key as a producer would send it, its text in UTF-8 (bytes as they are).

    A row without a key goes by `fallback` (int), its raw partition, so that the choice stays the same for ever.
    """
    values = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    if isinstance(values, pa.ChunkedArray):  # no chunk at all
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
    distinct = values.dictionary_encode()  # keys repeat: hash each once
    texts = distinct.dictionary if pa.types.is_binary(values.type) else distinct.dictionary.cast(pa.string())
    chosen = (murmur2(texts) & np.uint32(0x7FFFFFFF)).astype(np.int64) % partitions
    plain: Int64s = fallback.to_numpy().astype(np.int64) % partitions
    if not len(chosen):
        return plain
    present = values.is_valid().to_numpy(zero_copy_only=False)
    indices = pc.fill_null(distinct.indices, 0).to_numpy()
    numbers: Int64s = np.where(present, chosen[indices], plain)
    return numbers


def murmur2(texts: pa.Array) -> UInt32s:
    """The 32-bit murmur2 of each value of a string or binary array without nulls."""
    binary = texts.cast(pa.large_binary())
    offsets = np.frombuffer(binary.buffers()[1], np.int64)[binary.offset : binary.offset + len(binary) + 1]
    body = binary.buffers()[2]
    # Four bytes more than there are, so that a word can be read at any place.
    data = np.concatenate(
        (np.frombuffer(body, np.uint8) if body is not None else np.empty(0, np.uint8), np.zeros(4, np.uint8))
    )
    starts, lengths = offsets[:-1], np.diff(offsets)
    hashes = (_SEED ^ lengths.astype(np.uint32)).astype(np.uint32)
    words = lengths // 4
    for word in range(int(words.max(initial=0))):
        active = np.flatnonzero(words > word)
        k = _word(data, starts[active] + 4 * word) * _M
        k = (k ^ (k >> np.uint32(24))) * _M
        hashes[active] = (hashes[active] * _M) ^ k
    tail = lengths % 4
    rest = np.flatnonzero(tail)
    k = _word(data, starts[rest] + 4 * words[rest])
    k &= ((np.uint64(1) << (8 * tail[rest]).astype(np.uint64)) - np.uint64(1)).astype(np.uint32)
    hashes[rest] = (hashes[rest] ^ k) * _M
    hashes ^= hashes >> np.uint32(13)
    hashes *= _M
    hashes ^= hashes >> np.uint32(15)
    return hashes


def _word(data: npt.NDArray[np.uint8], places: Int64s) -> UInt32s:
    """The little-endian word at each place."""
    word = data[places].astype(np.uint32)
    for byte in (1, 2, 3):
        word |= data[places + byte].astype(np.uint32) << np.uint32(8 * byte)
    return word
