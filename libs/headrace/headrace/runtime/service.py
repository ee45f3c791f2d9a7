"""The one way to run a stage as a service: settings, clients, group, health, and one way to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn, Protocol

import pyarrow as pa
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import CollectorRegistry

from headrace.contract.errors import UserError
from headrace.contract.plan import Plan
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.runtime import health, kafka, topic_register
from headrace.runtime.exits import Exit, exit_of
from headrace.runtime.fold import Routes
from headrace.runtime.group import Group
from headrace.runtime.lane import Missing, Shared, Waits
from headrace.runtime.limit import RejectionLimit
from headrace.runtime.logs import log_to_stdout
from headrace.runtime.marks import check_room
from headrace.runtime.metrics import Metrics
from headrace.runtime.patience import Patience
from headrace.runtime.pipeline_file import read_plan
from headrace.runtime.readers import group_name
from headrace.runtime.settings import Settings, read_settings
from headrace.runtime.stage import Stage
from headrace.runtime.tasks import guarded
from headrace.runtime.topic_ids import Topic
from headrace.store.object_store import ObjectStore, expect_answer
from headrace.store.opening import open_store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """What a service is made from: the plan, how many partitions each of its topics has, and the object store."""

    plan: Plan
    partitions: Mapping[str, int]
    store: ObjectStore
    settings: Settings


@dataclass(frozen=True, slots=True)
class Wiring:
    """A context with its clients, for a member of a consumer group; `die` ends the process."""

    context: Context
    group: str
    topics: Mapping[str, Topic]
    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    admin: AIOKafkaAdminClient
    metrics: Metrics
    die: Callable[[BaseException], None]


class Member(Protocol):
    """What works in a consumer group until it is told to hand over."""

    def start(self) -> None:
        """Join and go to work."""

    def not_ready(self, *, unpublished: bool = True) -> str | None:
        """Why it is not ready, None when it is; what nobody has made yet (a model) counts only if `unpublished`."""

    async def drain(self) -> None:
        """Hand everything over and stop."""


Topics = Callable[[Plan], Sequence[str]]
"""Names every topic that a service reads or writes, but the quarantine."""


def _nothing_missing(_: str) -> Waits | None:
    return None


@dataclass(frozen=True, slots=True)
class Parts:
    """A stage with what runs beside it: `missing` says what it waits for, `companions` run until the service ends."""

    stage: Stage
    outputs: Mapping[str, pa.Schema]  # every topic it writes but the quarantine, and its schema
    missing: Missing = _nothing_missing
    companions: Sequence[Callable[[], Coroutine[object, object, None]]] = ()


def run(name: str, topics: Topics, build: Callable[[Context], Parts]) -> NoReturn:
    """Run a stage as a service; `build` makes it once its topics are known."""
    run_member(name, topics, lambda wiring: _stage_member(wiring, build))


def run_member(name: str, topics: Topics, make: Callable[[Wiring], Member]) -> NoReturn:
    """Run a service until it is told to stop (SIGTERM, SIGINT) or something fails; ends the process with an `Exit`."""
    try:
        settings = read_settings(Settings)
        log_to_stdout(name, settings.instance, settings.log_level)
        plan = read_plan(settings.pipeline)
    except UserError as error:
        print(f"headrace {name}: {error}", file=sys.stderr)  # noqa: T201  before there is a log
        sys.exit(Exit.USER)
    try:
        status = asyncio.run(_serve(name, settings, plan, topics(plan), make))
    except Exception as error:  # noqa: BLE001  whatever it is, the last line of the log says it
        _die(error)
    sys.exit(status)


async def _serve(
    name: str, settings: Settings, plan: Plan, topics: Sequence[str], make: Callable[[Wiring], Member]
) -> Exit:
    stopping = asyncio.Event()
    patience = Patience(settings.start_seconds)
    metrics = Metrics(CollectorRegistry())
    working: list[Member] = []

    def stop() -> None:
        if not working:  # it may still wait for Kafka or the store, and there is nothing to drain
            _log.info("stopped before it began")
            _end(Exit.DONE)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)

    def not_ready(*, unpublished: bool = True) -> str | None:
        return working[0].not_ready(unpublished=unpublished) if working else patience.why

    but_unpublished = {"unpublished": partial(not_ready, unpublished=False)}

    wanted = [*topics, plan.topics.quarantine]
    access, seconds = settings.kafka_access, settings.broker_seconds
    async with (
        health.serve(settings.http_host, settings.http_port, not_ready, metrics.registry, but=but_unpublished) as port,
        kafka.found_topics(access, seconds, wanted, patience) as (admin, known),
    ):
        _log.info("health and metrics on port %d", port)
        partitions = {topic: found.partitions for topic, found in known.items()}
        context = Context(plan, partitions, open_store(settings.object_store), settings)
        group = group_name(plan, name)
        async with kafka.consumer(settings, group) as consumer, kafka.producer(settings) as producer:
            wiring = Wiring(context, group, known, consumer, producer, admin, metrics, _die)
            member = await patience.until_stored(partial(make, wiring))
            await patience.until_stored(partial(topic_register.hold, context.store, plan.topics, known))
            watching = guarded(topic_register.watch(admin, known, seconds), "topics", _die)
            member.start()
            working.append(member)
            await stopping.wait()
            _log.info("told to stop: draining")
            watching.cancel()
            try:
                async with asyncio.timeout(settings.drain_seconds):
                    await member.drain()
            except TimeoutError:
                _log.critical("the running steps did not end in %g s", settings.drain_seconds)
                _end(Exit.DRAIN)
            kafka.leave_at_stop(consumer)
    _log.info("stopped")
    return Exit.DONE


def _stage_member(wiring: Wiring, build: Callable[[Context], Parts]) -> Group:
    context = wiring.context
    parts = build(context)
    # Before it joins: a member that only then finds the store shut has taken partitions from those that work.
    expect_answer(context.store, f"snapshots/{parts.stage.name}/{context.plan.topics.prefix}.")
    for source in parts.stage.inputs():
        if source.schema is not None:
            check_room(parts.stage.origins(source.topic, 0))
    quarantine = context.plan.topics.quarantine
    return Group(
        group=wiring.group,
        stage=parts.stage,
        topics=wiring.topics,
        routes=Routes(
            schemas={**parts.outputs, quarantine: QUARANTINE_SCHEMA},
            quarantine=quarantine,
            partitions=context.partitions[quarantine],
            limit=context.settings.message_bytes,
        ),
        shared=Shared(
            wiring.consumer,
            wiring.producer,
            context.settings,
            wiring.metrics,
            RejectionLimit(context.plan.pipeline.quarantine),
            parts.missing,
        ),
        admin=wiring.admin,
        store=context.store,
        die=wiring.die,
        companions=parts.companions,
    )


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
