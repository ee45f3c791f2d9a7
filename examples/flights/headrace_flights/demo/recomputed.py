"""Are the features that were served those that history gives? All of them computed anew, and compared."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.lake.read import Lake
from headrace.lake.tables import find_table

from headrace_flights.demo.figures import PREDICTION
from headrace_flights.in_memory import recompute


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Request rows that were compared, and how many of them have a feature that differs at all."""

    rows: int
    differ: int


def recomputed(plan: Plan, lake: Lake) -> Recomputed:
    """Compare the features table with one computed from the cleaned tables in event-time order.

    A row that came after its time was passed was not known to the requests it missed, and is known to all of them here:
    it makes them differ. The feature service counts such rows as `late`.
    """
    cleaned = {
        stream: _table(plan, lake, Hop.CLEANED, stream, plan.cleaned_schema(stream).names).to_arrow()
        for stream in plan.logs[0].streams
    }
    own = [name for name in plan.features_schema(PREDICTION).names if not name.startswith("_")]
    key = plan.pipeline.predictions[PREDICTION].key
    served = _table(plan, lake, Hop.FEATURES, PREDICTION, own).sort(key)
    anew = pl.DataFrame(recompute(plan, cleaned)[PREDICTION]).select(own).sort(key)
    same = pl.Series([True]).new_from_index(0, served.height)
    for name in own:
        same &= served[name].eq_missing(anew[name])
    return Recomputed(served.height, int((~same).sum()))


def _table(plan: Plan, lake: Lake, hop: Hop, name: str, columns: list[str]) -> pl.DataFrame:
    return lake.scan(find_table(plan, hop, name))[0].select(columns).collect()
