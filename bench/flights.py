"""The services end to end on the flights: rows/s, MB/s, CPU-seconds per million rows and peak memory of each process.

`python bench/flights.py [months]` replays that many months (3 unless said) as fast as possible and waits until every
row is in the lake. This machine may be shared and noisy: compare the CPU-seconds, not the clock.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import polars as pl
from headrace.cli.pipeline import create_missing, read_plan
from headrace.contract.errors import NotFound
from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.lake.read import Lake
from headrace.lake.tables import find_table
from headrace.local.service import Service
from headrace.local.stack import Stack
from headrace.store.s3 import S3Settings
from headrace_flights.dataset import load
from headrace_flights.events import event_streams
from headrace_flights.records import merged_records
from headrace_flights.replay import replay
from measure import Meter, show_work

SERVICES = ("ingestion", "cleaning", "feature_engineering", "lake")
_DEADLINE_SECONDS = 600.0


def main() -> None:
    """Run once and print a table."""
    run_flights(int(sys.argv[1]) if len(sys.argv) > 1 else 3)


def run_flights(months: int) -> dict[str, object]:
    """Run once, print a table and return its figures."""
    records = merged_records(event_streams(load()), end=datetime(2013, months + 1, 1, tzinfo=UTC))
    file = Path(str(resources.files("headrace_flights").joinpath("flights.yaml")))
    plan = read_plan(file)
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, ExitStack() as open_:
        home = Path(folder)
        stack = open_.enter_context(Stack(home / "stack", on_event=print))
        place = stack.endpoints
        asyncio.run(create_missing(place.broker, plan))
        services = [Service(name, pipeline=file, endpoints=place, logs=home / "logs") for name in SERVICES]
        for service in services:
            open_.callback(service.kill)
            service.start()
        for service in services:
            service.wait_ready()
        processes = {service.name: service.child.pid for service in services}
        meter = Meter(processes | {"kafka": stack.kafka.child.pid, "s3": stack.s3.child.pid})
        report = replay(records, kafka=place.kafka)
        lake = Lake(S3Settings(place.s3, place.bucket, place.access_key, place.secret_key))
        _wait(plan, lake, records)
        size = int(records["value"].bin.size().sum())
        work = meter.read(f"flights, {months} months, until the last is in the lake", report.acknowledged, size)
        show_work(work)
    return work.figures()


def _wait(plan: Plan, lake: Lake, records: pl.DataFrame) -> None:
    """Until every stream's rows and all features are in the lake (one wind of February is rejected)."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    counts = dict(records.group_by("stream").len().rows())
    wanted = {(Hop.INGESTED, name): count - (name == "weather") for name, count in counts.items()}
    wanted[(Hop.FEATURES, "late_at_departure")] = counts["departures"]
    while any(_rows(plan, lake, hop, name) < count for (hop, name), count in wanted.items()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not every row was in the lake after {_DEADLINE_SECONDS:.0f} s")
        time.sleep(0.5)


def _rows(plan: Plan, lake: Lake, hop: Hop, name: str) -> int:
    try:
        return int(lake.scan(find_table(plan, hop, name))[0].select(pl.len()).collect().item())
    except NotFound:
        return 0


if __name__ == "__main__":
    main()
