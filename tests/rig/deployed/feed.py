"""`python -m rig.deployed.feed RATE SECONDS`: flights of February at so many records a second; prints how many were sent."""

from __future__ import annotations

import os
import sys

from headrace_flights.replay import replay

from rig.flights import february


def main(rate: float, seconds: float) -> None:
    """Send `rate` × `seconds` records, evenly; 0 seconds: all of the month at once."""
    records = february()
    if seconds:
        records = records.head(int(rate * seconds))
    begin, end = records["event_time"].min(), records["event_time"].max()
    span = (end - begin).total_seconds()
    report = replay(records, kafka=os.environ["HEADRACE_KAFKA"], speed=span / seconds if seconds else 0.0)
    assert report.failed == 0, report
    print(records.height)


main(float(sys.argv[1]), float(sys.argv[2]))
