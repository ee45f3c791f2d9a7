"""Keys to slot numbers: every key that a view has rows of gets the next number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]

_NO_KEY = -1


class KeySlots:
    """The numbers of a view's keys. A null, or a number that is not one, in any key column means: no key."""

    def __init__(self) -> None:
        self._slots: dict[tuple[object, ...], int] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def names(self) -> list[tuple[object, ...]]:
        """The keys in the order of their slots."""
        return list(self._slots)

    def number(self, columns: Sequence[pa.ChunkedArray], adds: npt.NDArray[np.bool_]) -> Int64s:
        """The slot of every row, -1 where it has none; rows where `adds` is true give a new key its slot."""
        codes, keys = _encode(columns)
        known = codes >= 0
        is_added = np.zeros(len(keys) + 1, np.bool_)
        is_added[codes[known & adds]] = True
        slots = np.full(len(keys) + 1, _NO_KEY, np.int64)  # the last entry answers code -1
        for code, key in enumerate(keys):
            if is_added[code]:
                slots[code] = self._slots.setdefault(key, len(self._slots))
            else:
                slots[code] = self._slots.get(key, _NO_KEY)
        return slots[codes]


def _encode(columns: Sequence[pa.ChunkedArray]) -> tuple[Int64s, list[tuple[object, ...]]]:
    """A dense code for every row (-1: no key) and the key that each code stands for."""
    codes, keys = _encode_one(columns[0])
    for column in columns[1:]:
        more, names = _encode_one(column)
        pairs = np.where((codes < 0) | (more < 0), _NO_KEY, codes * len(names) + more)
        distinct, dense = np.unique(pairs, return_inverse=True)
        missing = int(len(distinct) > 0 and distinct[0] == _NO_KEY)
        keys = [keys[pair // len(names)] + names[pair % len(names)] for pair in distinct[missing:].tolist()]
        codes = dense.astype(np.int64) - missing
    return codes, keys


def _encode_one(column: pa.ChunkedArray) -> tuple[Int64s, list[tuple[object, ...]]]:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    encoded = column.combine_chunks().dictionary_encode()
    codes: Int64s = pc.fill_null(encoded.indices, _NO_KEY).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, [(name,) for name in encoded.dictionary.to_pylist()]
