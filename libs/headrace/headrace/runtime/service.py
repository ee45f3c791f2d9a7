"""The one way to run a stage as a service: settings, clients, group, health, and one way to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import pyarrow as pa
from prometheus_client import CollectorRegistry

from headrace.contract.errors import HeadraceError, PlanError, UserError
from headrace.contract.load import load_pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.runtime import health, kafka, topic_ids
from headrace.runtime.exits import Exit, exit_of
from headrace.runtime.fold import Routes
from headrace.runtime.group import Group
from headrace.runtime.lane import Missing, Shared
from headrace.runtime.limit import RejectionLimit
from headrace.runtime.logs import log_to_stdout
from headrace.runtime.marks import check_room
from headrace.runtime.metrics import Metrics
from headrace.runtime.settings import Settings, read_settings
from headrace.runtime.stage import Stage
from headrace.store.object_store import ObjectStore
from headrace.store.s3 import S3Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """What a service is made from: the plan, how many partitions each of its topics has, and the object store."""

    plan: Plan
    partitions: Mapping[str, int]
    store: ObjectStore
    settings: Settings


def _nothing_missing(_: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Parts:
    """A stage with what runs beside it: `missing` says what it waits for, `companions` run until the service ends."""

    stage: Stage
    outputs: Mapping[str, pa.Schema]  # every topic it writes but the quarantine, and its schema
    missing: Missing = _nothing_missing
    companions: Sequence[Callable[[], Coroutine[object, object, None]]] = ()


def run(name: str, topics: Callable[[Plan], Sequence[str]], build: Callable[[Context], Parts]) -> NoReturn:
    """Run a service until it is told to stop (SIGTERM, SIGINT) or something fails; ends the process with an `Exit`.

    `topics` names every topic that the stage reads or writes; `build` makes the stage once they are known.
    """
    try:
        settings = read_settings(Settings)
        log_to_stdout(name, settings.instance, settings.log_level)
        plan = _read_plan(settings)
    except UserError as error:
        print(f"headrace {name}: {error}", file=sys.stderr)  # noqa: T201  before there is a log
        sys.exit(Exit.USER)
    try:
        status = asyncio.run(_serve(name, settings, plan, topics(plan), build))
    except HeadraceError as error:
        _die(error)
    sys.exit(status)


def _read_plan(settings: Settings) -> Plan:
    try:
        text = settings.pipeline.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"HEADRACE_PIPELINE: cannot read {settings.pipeline}: {error}") from error
    return make_plan(load_pipeline(text, str(settings.pipeline)))


async def _serve(
    name: str, settings: Settings, plan: Plan, topics: Sequence[str], build: Callable[[Context], Parts]
) -> Exit:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    metrics = Metrics(CollectorRegistry())
    state: list[Group] = []

    def not_ready() -> str | None:
        return state[0].not_ready() if state else "starting"

    async with (
        health.serve(settings.http_host, settings.http_port, not_ready, metrics.registry) as port,
        kafka.admin(settings.kafka, settings.broker_seconds) as admin,
    ):
        _log.info("health and metrics on port %d", port)
        quarantine = plan.topics.quarantine
        known = await kafka.within(settings.broker_seconds, "topics", topic_ids.describe(admin, [*topics, quarantine]))
        partitions = {topic: found.partitions for topic, found in known.items()}
        store = S3Store(settings.s3)
        parts = await asyncio.to_thread(build, Context(plan, partitions, store, settings))
        for source in parts.stage.inputs():
            if source.schema is not None:
                check_room(parts.stage.origins(source.topic, 0))
        async with kafka.consumer(settings, group_name(plan, name)) as consumer, kafka.producer(settings) as producer:
            limit = RejectionLimit(plan.pipeline.quarantine)
            group = Group(
                group=group_name(plan, name),
                stage=parts.stage,
                topics=known,
                routes=Routes(
                    schemas={**parts.outputs, quarantine: QUARANTINE_SCHEMA},
                    quarantine=quarantine,
                    partitions=partitions[quarantine],
                    limit=settings.message_bytes,
                ),
                shared=Shared(consumer, producer, settings, metrics, limit, parts.missing),
                admin=admin,
                store=store,
                die=_die,
            )
            group.start()
            state.append(group)
            companions = [group.guard(start(), "companion") for start in parts.companions]
            await stopping.wait()
            _log.info("told to stop: draining")
            for companion in companions:
                companion.cancel()
            try:
                async with asyncio.timeout(settings.drain_seconds):
                    await group.drain()
            except TimeoutError:
                _log.critical("the running steps did not end in %g s", settings.drain_seconds)
                _end(Exit.DRAIN)
    _log.info("stopped")
    return Exit.DONE


def group_name(plan: Plan, service: str) -> str:
    """The consumer group of a service: one for each pipeline of each tenant."""
    return f"{plan.topics.prefix}.{service}"


def _die(error: BaseException) -> NoReturn:
    """End at once: a graceful stop after a failure would wait for work that can never finish."""
    status = exit_of(error)
    expected = status is not Exit.FAULT
    _log.critical("%s: %s", status.name, error, exc_info=None if expected else error)
    _end(status)


def _end(status: Exit) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
