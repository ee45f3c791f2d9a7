"""One view's state: a ring of tiles for every key, and the way into a snapshot and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.contract.errors import SnapshotError
from headrace.features.kernel import NO_TILE, Flags, Floats, Int64s, compiled
from headrace.features.keys import KeySlots
from headrace.features.layout import PLACE_PARTS, Layout
from headrace.features.spec import ViewSpec

_FIRST_SLOTS = 16


class ViewState:
    """The tiles of one view in one partition of a log, whose rows have the given schema."""

    def __init__(self, spec: ViewSpec, schema: pa.Schema) -> None:
        self.spec = spec
        self.too_late = 0  # source rows whose tile no longer existed
        self._layout = Layout(spec)
        self._snapshot_schema = pa.schema(
            [
                *(pa.field(f"key.{name}", schema.field(name).type) for name in spec.key),
                pa.field("tile", pa.int64()),
                *(pa.field(name, pa.float64()) for name in self._layout.cell_names),
                *(pa.field(name, pa.int64()) for name in self._layout.mark_names),
            ]
        )
        self._empty()

    def apply(self, rows: pa.Table, times: Int64s, largest: Int64s, source: Flags, request: Flags) -> Floats:
        """Add the source rows and answer the requests, row by row; a row's request is answered before it is added.

        `times` and `largest` are [rows], µs: event times, and the largest event time applied before each row (NO_TILE:
        none). Returns [requests, features], NaN where a feature is null.
        """
        spec = self.spec
        tile = times // spec.hop
        oldest = np.where(largest == NO_TILE, NO_TILE, -((spec.reach - largest) // spec.hop))
        too_late = source & (tile < oldest)
        self.too_late += int(np.count_nonzero(too_late))
        source = source & ~too_late
        slots = self._keys.number([rows[name] for name in spec.key], source)
        self._grow(len(self._keys))
        out = np.full((int(np.count_nonzero(request)), len(spec.features)), np.nan)
        compiled()(
            tile=tile,
            upto=(times - spec.delay) // spec.hop,
            first=oldest,
            slot=slots,
            source=source,
            request=request,
            place=self._places(rows, times),
            values=self._values(rows),
            fields=self._layout.fields,
            windows=self._layout.windows,
            answers=self._layout.answers,
            tags=self._tags,
            cells=self._cells,
            marks=self._marks,
            out=out,
        )
        return out

    def snapshot(self, largest: int) -> pa.Table:
        """Every tile that still exists after event time `largest`, one row each.

        Keys that have none left can never be read again and may be forgotten here.
        """
        oldest = NO_TILE if largest == NO_TILE else -((self.spec.reach - largest) // self.spec.hop)
        used = self._tags[: len(self._keys)]
        slot, where = np.nonzero((used != NO_TILE) & (used >= oldest))
        names = self._keys.names()
        owners = [names[index] for index in slot.tolist()]
        columns = [
            *(
                pa.array([owner[part] for owner in owners], self._snapshot_schema.field(part).type)
                for part in range(len(self.spec.key))
            ),
            pa.array(used[slot, where]),
            *(pa.array(column) for column in self._cells[slot, where].T),
            *(pa.array(column) for column in self._marks[slot, where].T),
        ]
        tiles = pa.Table.from_arrays(columns, schema=self._snapshot_schema)
        if len(np.unique(slot)) <= len(names) // 2:
            self.restore(tiles)
        return tiles

    def restore(self, tiles: pa.Table) -> None:
        """Take up the tiles of a snapshot in place of this state's own; raises SnapshotError when they do not fit."""
        if not tiles.schema.equals(self._snapshot_schema):
            raise SnapshotError(
                f"view {self.spec.name}: the snapshot's columns are {tiles.schema.names}, "
                f"expected {self._snapshot_schema.names} with the types of this plan"
            )
        self._empty()
        key = [tiles[f"key.{name}"] for name in self.spec.key]
        slot = self._keys.number(key, np.ones(tiles.num_rows, np.bool_))
        if (slot < 0).any():
            raise SnapshotError(f"view {self.spec.name}: the snapshot has tiles without a key")
        self._grow(len(self._keys))
        tile = tiles["tile"].to_numpy()
        where = tile % self._layout.ring
        self._tags[slot, where] = tile
        for index, name in enumerate(self._layout.cell_names):
            self._cells[slot, where, index] = tiles[name].to_numpy()
        for index, name in enumerate(self._layout.mark_names):
            self._marks[slot, where, index] = tiles[name].to_numpy()

    def _empty(self) -> None:
        ring = self._layout.ring
        self._keys = KeySlots()
        self._tags = np.full((0, ring), NO_TILE, np.int64)
        self._cells = np.zeros((0, ring, len(self._layout.cell_names)), np.float64)
        self._marks = np.zeros((0, ring, len(self._layout.mark_names)), np.int64)

    def _grow(self, needed: int) -> None:
        have = len(self._tags)
        if needed <= have:
            return
        more = max(_FIRST_SLOTS, 2 ** (needed - 1).bit_length()) - have
        self._tags = np.concatenate([self._tags, np.full((more, *self._tags.shape[1:]), NO_TILE, np.int64)])
        self._cells = np.concatenate([self._cells, np.zeros((more, *self._cells.shape[1:]), np.float64)])
        self._marks = np.concatenate([self._marks, np.zeros((more, *self._marks.shape[1:]), np.int64)])

    def _values(self, rows: pa.Table) -> Floats:
        values = np.empty((rows.num_rows, len(self._layout.columns)), np.float64)
        for index, name in enumerate(self._layout.columns):
            # Not safe in Arrow's sense: an int64 above 2^53 is rounded, as every float64 aggregate of it would be.
            values[:, index] = rows[name].cast(pa.float64(), safe=False).to_numpy()
        return values

    def _places(self, rows: pa.Table, times: Int64s) -> npt.NDArray[np.int64]:
        if not self._layout.mark_names:
            return np.empty((0, len(PLACE_PARTS)), np.int64)
        parts = [times, *(rows[f"_{part}"].to_numpy() for part in PLACE_PARTS[1:])]
        return np.column_stack([part.astype(np.int64) for part in parts])
