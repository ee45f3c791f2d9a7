"""The demo from beginning to end."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from confluent_kafka import KafkaException
from headrace.cli.pipeline import create_missing, read_plan
from headrace.cli.train import fit_and_publish, labelled
from headrace.contract.errors import BrokerUnavailable, HeadraceError, StackError
from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.lake.read import Lake
from headrace.lake.tables import find_table
from headrace.local.child import Child, expect_alive
from headrace.local.down import delete_data
from headrace.local.places import state_folder
from headrace.local.service import Service
from headrace.local.stack import Endpoints, Stack
from headrace.models.registry import Registry
from headrace.runtime.readers import SERVICES
from headrace.store.opening import open_store
from rich.console import Console

from headrace_flights import dataset, events, records, replay
from headrace_flights.demo.broker import Broker
from headrace_flights.demo.figures import PREDICTION, accounts, judged, latencies
from headrace_flights.demo.next_steps import next_steps
from headrace_flights.demo.page import page
from headrace_flights.demo.phases import Phases
from headrace_flights.demo.recomputed import recomputed
from headrace_flights.demo.trace import trace
from headrace_flights.demo.view import View
from headrace_flights.ledger import Report

_WAIT_SECONDS = 300.0
_REPLAY = {"message.timeout.ms": 30_000, "log_level": 0}  # a broker on this machine; its end is told by us


def run(phases: Phases, told: threading.Event) -> None:
    """Everything under `demo` in the state folder; what an earlier run left there is removed first.

    Ends with KeyboardInterrupt soon after `told` is set.

    Raises HeadraceError: StackError where a program of the stack has ended, as whatever else failed followed from that.
    """
    began = time.monotonic()
    console = Console()
    home = state_folder() / "demo"
    delete_data(home / "stack")  # refused while another demo runs there
    shutil.rmtree(home, ignore_errors=True)
    file = Path(str(resources.files("headrace_flights").joinpath("flights.yaml")))
    plan = read_plan(file)
    console.print("Reading the flights of 2013")
    streams = events.event_streams(dataset.load())
    history = records.merged_records(streams, start=phases.start, end=phases.live)
    live = records.merged_records(streams, start=phases.live, end=phases.end)
    with ExitStack() as open_:
        stack = open_.enter_context(Stack(home / "stack", on_event=console.print))
        endpoints = stack.endpoints
        asyncio.run(create_missing(endpoints.broker, plan))
        # The history is under way before the services are: a backlog, which they work off in the order of event time.
        sending = open_.enter_context(_in_background(history, endpoints.kafka))
        services = _start(file, endpoints, home, stack.lock, open_)
        broker = Broker(endpoints.kafka)
        open_.callback(broker.close)
        lake = Lake(endpoints.store)
        view = open_.enter_context(View(services, console))
        children = [stack.kafka.child, stack.s3.child, *(service.child for service in services)]
        open_.enter_context(_blaming(children))
        work = _Work(plan, lake, broker, view, services, children, told)
        result = _all_phases(work, endpoints, sending, history, live, phases)
        result["seconds"] = round(time.monotonic() - began, 1)
        _finish(work, result, home, console, phases, file)


@contextmanager
def _in_background(records: pl.DataFrame, kafka: str) -> Iterator[Future[Report]]:
    """A replay as fast as possible in a thread; it ends early when the block does."""
    stop = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="replay") as pool:
        try:
            yield pool.submit(replay.replay, records, kafka=kafka, stop=stop, settings=_REPLAY)
        finally:
            stop.set()


@contextmanager
def _blaming(children: Sequence[Child]) -> Iterator[None]:
    """Whatever fails inside is told as what it followed from: a program that has ended, Kafka that does not answer."""
    try:
        yield
    except Exception as error:
        expect_alive(children)
        if isinstance(error, KafkaException):
            raise BrokerUnavailable(f"Kafka does not answer: {error}") from error
        raise


class _Work:
    def __init__(
        self,
        plan: Plan,
        lake: Lake,
        broker: Broker,
        view: View,
        services: list[Service],
        children: list[Child],
        told: threading.Event,
    ) -> None:
        self.plan, self.lake, self.broker, self.view, self.services = plan, lake, broker, view, services
        self.children = children
        self.told = told  # to end
        self.latency_ms = np.empty(0)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition while every program lives; raises StackError, KeyboardInterrupt."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not condition():
            if self.told.is_set():
                raise KeyboardInterrupt
            expect_alive(self.children)
            if time.monotonic() > deadline:
                logs = self.services[0].child.log.parent
                raise StackError(f"{what}: not after {_WAIT_SECONDS:.0f} s; the services' logs are in {logs}")
            time.sleep(0.5)

    def table_rows(self, hop: Hop, name: str) -> int:
        """Rows in a table now."""
        try:
            scan = self.lake.scan(find_table(self.plan, hop, name))[0]
        except HeadraceError:
            return 0
        return int(scan.select(pl.len()).collect().item())


def _start(file: Path, endpoints: Endpoints, home: Path, lock: int, open_: ExitStack) -> list[Service]:
    settings = {
        "HEADRACE_LAKE_FLUSH_SECONDS": "5",
        "HEADRACE_BATCH_SECONDS": "0.25",  # two months in two minutes: smaller steps would keep two cores busy
    }
    services = [
        Service(name, pipeline=file, endpoints=endpoints, logs=home / "logs", settings=settings, keep_open=(lock,))
        for name in SERVICES
    ]
    for service in services:
        open_.callback(service.kill)
        service.start()
    for service in services:
        if service.name != "inference":  # not ready before there is a model
            service.wait_ready()
    return services


def _all_phases(
    work: _Work,
    endpoints: Endpoints,
    sending: Future[Report],
    history: pl.DataFrame,
    live: pl.DataFrame,
    phases: Phases,
) -> dict[str, Any]:
    plan, view = work.plan, work.view
    store = open_store(work.lake.settings)
    requests = [frame.filter(stream="departures").height for frame in (history, live)]

    view.say(f"Replaying {history.height:,} records up to {phases.live:%d %B}", "train a model from the lake")
    began = time.monotonic()
    work.until(sending.done, "the history sent")
    sent = sending.result()
    _expect_sent(sent)
    work.until(lambda: work.table_rows(Hop.FEATURES, PREDICTION) >= requests[0], "features of the history in the lake")
    seconds = time.monotonic() - began
    view.say("Training from the lake", "replay the rest live, with the model scoring")
    work.until(lambda: _settled(work, requests[0]), "labels in the lake")
    rows, tables = labelled(plan, PREDICTION, work.lake, phases.live)
    number, metrics = fit_and_publish(plan, PREDICTION, rows, tables, Registry(store, plan.pipeline.tenant))
    view.say(f"Version {number} is champion (AUC {metrics['auc']:.4f} on its held-out rows); scoring the backlog")
    work.until(lambda: work.services[3].ready, "inference ready")
    work.until(lambda: work.table_rows(Hop.PREDICTIONS, PREDICTION) >= requests[0], "predictions of the backlog")

    raw = plan.topics.raw(plan.pipeline.predictions[PREDICTION].on)
    live_from = work.broker.ends(raw)
    view.say(f"Live: {live.height:,} records in about {phases.live_seconds:.0f} s", "the result")
    more = replay.replay(live, kafka=endpoints.kafka, speed=phases.live_speed, stop=work.told, settings=_REPLAY)
    _expect_sent(more)
    work.until(lambda: work.table_rows(Hop.PREDICTIONS, PREDICTION) >= sum(requests), "live predictions in the lake")
    work.until(lambda: _accounted(work), "every record in the lake or in quarantine")
    view.say("Counting")
    counted = accounts(plan, work.lake, work.broker)
    quality = judged(plan, work.lake, phases.live)
    view.say("Computing every feature anew from the lake")
    again = recomputed(plan, work.lake)
    late = sum(said.late for said in view.history[-1][1].values())
    work.latency_ms = latencies(plan, work.broker, live_from)
    p50, p99 = np.percentile(work.latency_ms, [50, 99]) if len(work.latency_ms) else (float("nan"), float("nan"))
    return {
        "records_in": sent.acknowledged + more.acknowledged,
        "rows": counted.rows,
        "quarantined": counted.quarantined,
        "lost": counted.lost,
        "duplicated": counted.duplicated,
        "recomputed": {"rows": again.rows, "differ": again.differ, "late": round(late)},
        "auc": round(quality.auc, 4),
        "log_loss": round(quality.log_loss, 4),
        "rows_per_second": round(sent.acknowledged / seconds),
        "latency_ms": {"p50": round(float(p50), 1), "p99": round(float(p99), 1)},
        "peak_rss_mb": {name: round(peak / 2**20) for name, peak in view.peaks.items()},
    }


def _settled(work: _Work, requests: int) -> bool:
    """Whether the labels' stream is in the lake as far as it was sent."""
    sent = sum(work.broker.ends(work.plan.topics.raw("arrivals")).values())
    refused = work.table_rows(Hop.QUARANTINE, "all")
    return work.table_rows(Hop.CLEANED, "arrivals") + refused >= sent and requests > 0


def _accounted(work: _Work) -> bool:
    names = list(work.plan.pipeline.streams)
    sent = sum(sum(work.broker.ends(work.plan.topics.raw(name)).values()) for name in names)
    there = sum(work.table_rows(Hop.INGESTED, name) for name in names) + work.table_rows(Hop.QUARANTINE, "all")
    return there >= sent and _settled(work, 1)


def _expect_sent(report: Report) -> None:
    if report.failed or report.error:
        raise StackError(f"the replay failed: {report.error}")


def _finish(work: _Work, result: dict[str, Any], home: Path, console: Console, phases: Phases, file: Path) -> None:
    traced = list(trace(work.plan, work.lake, work.broker, phases.live))
    quality = judged(work.plan, work.lake, phases.live)
    (home / "result.json").write_text(json.dumps(result, indent=1))
    steps = next_steps(work.plan, home / "stack", file)
    (home / "result.html").write_text(page(result, work.view.history, work.latency_ms, quality, traced, steps))
    console.rule("Result")
    console.print_json(json.dumps(result))
    console.rule("One prediction, back to its raw record")
    for hop, said in traced:
        console.print(f"[bold]{hop}[/]\n  {said}", highlight=False)
    console.rule("Where everything is")
    for name, place in {
        "result": home / "result.json",
        "page": home / "result.html",
        "logs": home / "logs",
        "stack": home / "stack",
        "pipeline": file,
    }.items():
        console.print(f"{name:9} {place}", highlight=False, soft_wrap=True)
    console.rule("What to try next")
    for what, paste in steps:
        console.print(what, style="bold", highlight=False)
        print(paste)  # to be pasted: neither wrapped nor taken for markup
