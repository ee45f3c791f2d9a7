"""How much one message may be."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a message may have; Arrow from outside is read with `allow_compressed=False`.

    `decoded_bytes` bounds the sum of all buffers after decompression, each counted as often as it is referred to.
    """

    value_bytes: int = 8 * MIB
    rows: int = 200_000
    columns: int = 2_000  # nested fields count too
    batches: int = 1_024
    decoded_bytes: int = 64 * MIB
    allow_compressed: bool = True


DEFAULT = Limits()
OUTSIDE = Limits(allow_compressed=False)
"""For Arrow that a stranger sent: 33 KB of a compressed buffer can claim a gigabyte."""
