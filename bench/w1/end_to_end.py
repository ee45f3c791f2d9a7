"""All five services work off W1's backlog: from the moment that ingestion may begin until the lake has the last row."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import polars as pl
from headrace.contract.pipeline import Hop
from headrace.lake.read import Lake
from headrace.lake.tables import find_table
from measure import Meter, Work
from told import rows_done, rows_per_message, rows_to, wait_until

from w1.place import PREDICTION, STREAM, Place, outputs

_WARM = 2_000
SERVICES = ("lake", "inference", "feature_engineering", "cleaning", "ingestion")


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """The clock of `work` stops at the last prediction; its CPU is that of the whole run, the lake's end included."""

    work: Work
    stored: float  # seconds until the last row was in the lake
    rows_per_message: Mapping[str, int]
    good: int  # rows in the lake
    twice: int  # rows that are there more than once: none may be


def run_services(place: Place, count: int) -> EndToEnd:
    """Work off a backlog of `count` events that came while ingestion was frozen.

    Before that every service has worked once: what is slow only the first time is not measured.
    """
    warm = place.fill(_WARM, seed=2)
    services = {name: place.service(name) for name in SERVICES}
    with ExitStack() as open_:
        for service in services.values():
            open_.callback(service.kill)
            service.start()
        for service in services.values():
            service.wait_ready()
        everybody = list(services.values())
        lake, inference, ingestion = services["lake"], services["inference"], services["ingestion"]
        wait_until(lambda: rows_done(lake) >= warm.records, "the first rows in the lake", everybody)
        ingestion.child.pause()
        backlog = place.fill(count)
        pids = {name: services[name].child.pid for name in reversed(SERVICES)}
        meter = Meter({**pids, "kafka": place.stack.kafka.child.pid, "s3": place.stack.s3.child.pid})
        ingestion.child.resume()
        topic, scored = place.plan.topics.predictions(PREDICTION), warm.good + backlog.good
        wait_until(lambda: rows_to(inference, topic) >= scored, "every prediction", everybody)
        predicted = meter.seconds
        wait_until(lambda: rows_done(lake) >= warm.records + backlog.records, "every row in the lake", everybody)
        stored = meter.seconds
        work = meter.read("W1, all services", backlog.records, backlog.size, predicted)
        full = {name: round(rows_per_message(services[name], topic)) for name, topic in outputs(place.plan).items()}
        for service in services.values():
            service.stop()
    return EndToEnd(work, stored, full, *_outcome(place))


def _outcome(place: Place) -> tuple[int, int]:
    rows = Lake(place.store).scan(find_table(place.plan, Hop.CLEANED, STREAM))[0]
    found = rows.select(pl.len(), twice=pl.len() - pl.struct("_partition", "_offset").n_unique()).collect()
    return int(found["len"][0]), int(found["twice"][0])
