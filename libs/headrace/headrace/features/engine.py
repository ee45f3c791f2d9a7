"""All views of one log partition: released rows in, features of the request rows out (design §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.contract.errors import SnapshotError
from headrace.features.kernel import NO_TILE, Floats, compiled
from headrace.features.spec import ViewSpec
from headrace.features.views import ViewState


def feature_schema(views: Sequence[ViewSpec]) -> pa.Schema:
    """The columns of these views' features: counts int64 and never null, all others float64, null where undefined."""
    return pa.schema(
        pa.field(feature.name, pa.int64(), nullable=False)
        if feature.aggregate == "count"
        else pa.field(feature.name, pa.float64())
        for view in views
        for feature in view.features
    )


class Engine:
    """The views of one partition of a merged log.

    `requests` says which views the rows of a stream read, in the order of their feature columns. `schema` is the log's
    (see EventOrder). Raises ValueError for a view that is not among `views` or a column that the log has not.
    """

    def __init__(self, views: Sequence[ViewSpec], requests: Mapping[str, Sequence[str]], schema: pa.Schema) -> None:
        _check(views, requests, schema)
        self._views = {view.name: ViewState(view, schema) for view in views}
        self._requests = {stream: [self._views[name].spec for name in names] for stream, names in requests.items()}
        self._no_answers = {stream: feature_schema(specs).empty_table() for stream, specs in self._requests.items()}
        self._largest = NO_TILE  # the largest event time applied so far

    @staticmethod
    def compile() -> None:
        """Compile the kernel, or load it from the cache: seconds that belong before readiness, not into a step."""
        compiled()

    @property
    def too_late(self) -> dict[str, int]:
        """For each view, how many of its source's rows came after their tile had ceased to exist."""
        return {name: view.too_late for name, view in self._views.items()}

    def apply(self, rows: pa.Table) -> Mapping[str, pa.Table]:
        """Apply released rows in their order.

        Returns for each stream that requests features one row per row of that stream, in the order of `rows`, with the
        columns of `feature_schema` of the views it reads: aggregates over the rows applied before.
        """
        if not rows.num_rows:
            return self._no_answers
        times = rows["_time"].cast(pa.int64()).to_numpy()
        largest = np.maximum.accumulate(np.concatenate(([self._largest], times)))
        streams = {
            name: pc.equal(rows["_stream"], name).to_numpy()
            for name in {*self._requests, *(view.spec.source for view in self._views.values())}
        }
        answers: dict[str, dict[str, pa.Array]] = {stream: {} for stream in self._requests}
        for view in self._views.values():
            readers = [stream for stream, views in self._requests.items() if view.spec in views]
            source = streams[view.spec.source]
            request = np.zeros(len(times), np.bool_)
            for stream in readers:
                request |= streams[stream]
            touched = np.flatnonzero(source | request)
            part = rows.select(_columns(view.spec)).take(touched)
            out = view.apply(part, times[touched], largest[touched], source[touched], request[touched])
            for stream in readers:
                answers[stream] |= _to_arrow(view.spec, out[streams[stream][request]])
        self._largest = int(largest[-1])
        return {
            stream: pa.Table.from_pydict(answers[stream], schema=feature_schema(views))
            for stream, views in self._requests.items()
        }

    def snapshot(self) -> tuple[dict[str, object], dict[str, pa.Table]]:
        """The whole state: JSON-able scalars, and for each view a table of its tiles."""
        scalars: dict[str, object] = {
            "largest": None if self._largest == NO_TILE else self._largest,
            "too_late": self.too_late,
            "views": {name: view.spec.describe() for name, view in self._views.items()},
        }
        return scalars, {name: view.snapshot(self._largest) for name, view in self._views.items()}

    def restore(self, scalars: Mapping[str, object], tiles: Mapping[str, pa.Table]) -> None:
        """Take up a snapshot's state in place of this one's; raises SnapshotError when it was made by another plan."""
        match scalars:
            case {"largest": int() | None as largest, "too_late": dict(too_late), "views": dict(views)}:
                if views != {name: view.spec.describe() for name, view in self._views.items()}:
                    raise SnapshotError("the snapshot was made for other views or other definitions of them")
                for name, view in self._views.items():
                    view.restore(tiles[name])
                    view.too_late = int(too_late[name])
                self._largest = NO_TILE if largest is None else largest
            case _:
                raise SnapshotError(f"expected largest, too_late and views, found {sorted(scalars)}")


def _check(views: Sequence[ViewSpec], requests: Mapping[str, Sequence[str]], schema: pa.Schema) -> None:
    names = {view.name for view in views}
    for stream, asked in requests.items():
        if unknown := set(asked) - names:
            raise ValueError(f"stream {stream} reads the views {sorted(unknown)}, but this log has {sorted(names)}")
    for view in views:
        if unknown := {*view.key, *view.values} - set(schema.names):
            raise ValueError(f"view {view.name} needs the columns {sorted(unknown)}, which the log does not carry")


def _columns(view: ViewSpec) -> list[str]:
    return sorted({*view.key, *view.values, "_partition", "_offset", "_row"})


def _to_arrow(view: ViewSpec, out: Floats) -> dict[str, pa.Array]:
    return {
        feature.name: pa.array(column.astype(np.int64)) if feature.aggregate == "count" else _nullable(column)
        for feature, column in zip(view.features, out.T, strict=True)
    }


def _nullable(column: Floats) -> pa.Array:
    return pa.array(np.ascontiguousarray(column), from_pandas=True)  # from_pandas: NaN becomes null
