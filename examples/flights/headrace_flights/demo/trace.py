"""One prediction followed back, hop by hop, to the raw record it came from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl
from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.lake.read import Lake
from headrace.lake.tables import find_table

from headrace_flights.demo.broker import Broker
from headrace_flights.demo.figures import PREDICTION

_SHOWN = 6  # columns of a row; the tables have the rest


def trace(plan: Plan, lake: Lake, broker: Broker, live: datetime) -> Iterator[tuple[str, str]]:
    """(hop, what the row is there), from the prediction back to the raw record."""
    stream = plan.pipeline.predictions[PREDICTION].on
    asked = plan.pipeline.streams[stream].event_time
    table = find_table(plan, Hop.PREDICTIONS, PREDICTION)
    row = lake.scan(table)[0].filter(pl.col(asked) >= live).sort(asked, "flight_id").head(1).collect()
    identity = {name: row[name][0] for name in ("_partition", "_offset", "_row")}
    yield f"predictions/{PREDICTION}", _shown(row.select("flight_id", "score", "model", "version", "_log_offset"))
    for hop, name in ((Hop.FEATURES, PREDICTION), (Hop.CLEANED, stream), (Hop.INGESTED, stream)):
        found = lake.scan(find_table(plan, hop, name))[0].filter(**identity).collect()
        yield f"{hop}/{name}", _shown(found.select(*found.columns[:_SHOWN], "_log_partition", "_log_offset"))
    topic = plan.topics.raw(stream)
    record = broker.record(topic, identity["_partition"], identity["_offset"])
    value = record.value()
    said = value.decode() if isinstance(value, bytes) else str(value)
    yield f"{topic} partition {identity['_partition']} offset {identity['_offset']}", said


def _shown(row: pl.DataFrame) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.row(0, named=True).items())
