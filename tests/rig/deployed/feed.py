"""`python -m rig.deployed.feed FIRST COUNT RATE`: COUNT flights of February from number FIRST on, RATE a second.

RATE 0 sends them as fast as the broker takes them.
"""

from __future__ import annotations

import os
import sys

import polars as pl
from headrace_flights.replay import replay

from rig.flights import february


def main(first: int, count: int, rate: float) -> None:
    """Send them at an even pace; fails unless every one is acknowledged."""
    records = february().slice(first, count)
    assert records.height == count, f"February has {february().height} records"
    if rate:
        # `replay` goes by event time: here by the number of the record.
        even = (pl.int_range(pl.len()) * (1_000_000 / rate)).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
        records = records.with_columns(event_time=even)
    report = replay(records, kafka=os.environ["HEADRACE_KAFKA"], speed=1.0 if rate else 0.0)
    assert report.failed == 0, report


main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
