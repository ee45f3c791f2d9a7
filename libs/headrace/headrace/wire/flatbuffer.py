"""Just enough FlatBuffers to read a table that a stranger wrote: every access is checked, nothing recurses.

Layout: https://flatbuffers.dev/internals/ (a table points back to its vtable, which holds each field's place or 0).
"""

from __future__ import annotations

import struct

from headrace.contract.errors import BadMessage


class Table:
    """One table at `place` in `data`; an absent field reads as its default. Raises BadMessage("bad_metadata")."""

    __slots__ = ("_data", "_fields", "_place")

    def __init__(self, data: bytes, place: int) -> None:
        self._data = data
        self._place = place
        vtable = place - self._read("<i", place)
        size = self._read("<H", vtable)
        if size < 4 or size % 2 or vtable + size > len(data):
            raise _bad(f"a vtable of {size} bytes at {vtable}")
        self._fields: tuple[int, ...] = struct.unpack_from(f"<{(size - 4) // 2}H", data, vtable + 4)

    @classmethod
    def root(cls, data: bytes) -> Table:
        """The table that the buffer is."""
        if len(data) < 4:
            raise _bad("no room for a root")
        return cls(data, int.from_bytes(data[:4], "little"))

    def number(self, slot: int, form: str, default: int = 0) -> int:
        """A scalar field, `form` as in the struct module."""
        place = self._place_of(slot)
        return default if place is None else self._read(f"<{form}", place)

    def table(self, slot: int) -> Table | None:
        """A table field."""
        place = self._place_of(slot)
        return None if place is None else Table(self._data, place + self._read("<I", place))

    def vector(self, slot: int, item_size: int) -> tuple[int, int]:
        """Where a vector's items begin and how many there are, all of them inside the buffer; (0, 0) when absent."""
        place = self._place_of(slot)
        if place is None:
            return 0, 0
        start = place + self._read("<I", place)
        count = self._read("<I", start)
        if start + 4 + count * item_size > len(self._data):
            raise _bad(f"a vector of {count} items at {start}")
        return start + 4, count

    def tables(self, slot: int, limit: int) -> list[Table]:
        """The tables of a vector field; raises BadMessage("too_many_columns") above `limit`."""
        start, count = self.vector(slot, 4)
        if count > limit:
            raise BadMessage("too_many_columns", f"{count} fields, at most {limit} are allowed")
        places = range(start, start + 4 * count, 4)
        return [Table(self._data, place + self._read("<I", place)) for place in places]

    def _place_of(self, slot: int) -> int | None:
        within = self._fields[slot] if slot < len(self._fields) else 0
        return self._place + within if within else None

    def _read(self, form: str, place: int) -> int:
        if not 0 <= place <= len(self._data) - struct.calcsize(form):
            raise _bad(f"a reference to byte {place} of {len(self._data)}")
        number: int = struct.unpack_from(form, self._data, place)[0]
        return number


def _bad(what: str) -> BadMessage:
    return BadMessage("bad_metadata", f"the message's metadata has {what}")
