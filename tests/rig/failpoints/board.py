"""A page of memory that a service and whoever breaks it share: it outlives the service, however that ends."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_SPEC = 256  # bytes for the armed failpoint
_TURNS = struct.Struct("<I")
_SIZE = 4096


class Board:
    """One instance's page, in a file: which failpoint is armed, and how many turns are being taken at this moment."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+b") as opened:
            opened.truncate(_SIZE)
            self._page = mmap.mmap(opened.fileno(), _SIZE)

    @property
    def armed(self) -> str:
        """The armed failpoint, empty when there is none."""
        if not self._page[0]:  # the one thing that is read at every point
            return ""
        return self._page[:_SPEC].split(b"\0", 1)[0].decode()

    def arm(self, spec: str) -> None:
        """Arm a failpoint, or none with an empty text; the first byte is written last, so nobody reads half a text."""
        text = spec.encode()
        assert len(text) < _SPEC, "a failpoint is a short text"
        self._page[0] = 0
        self._page[1:_SPEC] = text[1:].ljust(_SPEC - 1, b"\0")
        self._page[0] = text[0] if text else 0

    @property
    def turns(self) -> int:
        """Turns begun and not ended: work that a kill now interrupts, or that the last one did interrupt."""
        found: int = _TURNS.unpack_from(self._page, _SPEC)[0]
        return found

    @turns.setter
    def turns(self, count: int) -> None:
        _TURNS.pack_into(self._page, _SPEC, count)
