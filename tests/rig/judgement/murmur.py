"""Kafka's own choice of partition for a key (murmur2), byte by byte."""

from __future__ import annotations

_M = 0x5BD1E995
_WORD = 0xFFFFFFFF


def partition_of(key: str | None, fallback: int, partitions: int) -> int:
    """The partition of a row with this key; one without goes by its raw partition."""
    if key is None:
        return fallback % partitions
    return (_murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    value = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for place in range(0, whole, 4):
        word = int.from_bytes(data[place : place + 4], "little") * _M & _WORD
        word = (word ^ word >> 24) * _M & _WORD
        value = (value * _M & _WORD) ^ word
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * _M & _WORD
    value = (value ^ value >> 13) * _M & _WORD
    return value ^ value >> 15
