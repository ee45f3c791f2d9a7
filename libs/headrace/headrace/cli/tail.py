"""`headrace tail`: rows of the pipeline's topics as they arrive."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import pyarrow as pa
import typer

from headrace.cli.follow import Arrived, follow
from headrace.cli.pipeline import Kafka, PipelineFile, read_plan
from headrace.cli.shown import escaped, json_line, rows_of
from headrace.cli.where import find_kafka
from headrace.contract.errors import PlanError
from headrace.contract.plan import Plan
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.runtime.kafka_access import KafkaAccess

_VALUE = 80  # characters of one value


class From(StrEnum):
    """Where to begin."""

    START = "start"
    END = "end"


Topic = Annotated[
    str, typer.Argument(help="A topic, as in features.late_at_departure, or a hop: all its topics.", metavar="TOPIC")
]


def tail(
    topic: Topic,
    file: PipelineFile,
    kafka: Kafka = None,
    from_: Annotated[From, typer.Option("--from", help="Begin with the oldest row, or with the next.")] = From.END,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many rows.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show the rows of a topic as they arrive, one a line, until Ctrl-C.

    Every message goes through the gate first; one that it refuses is told on stderr. Nothing is committed, so the
    services are not disturbed.
    """
    plan = read_plan(file)
    chosen = choose(plan, topic)
    with suppress(KeyboardInterrupt):  # the way to end it
        asyncio.run(_print(find_kafka(kafka), plan, chosen, from_, limit, json))


def choose(plan: Plan, named: str) -> dict[str, pa.Schema]:
    """The topics that a name stands for, with their schemas; raises PlanError that lists what there is.

    A name is a topic's, with or without the pipeline's prefix, or that of a hop.
    """
    prefix = f"{plan.topics.prefix}."
    schemas = {topic.removeprefix(prefix): schema for topic, schema in _schemas(plan).items()}
    short = named.removeprefix(prefix)
    chosen = {prefix + name: schemas[name] for name in schemas if short in (name, name.partition(".")[0])}
    if chosen:
        return chosen
    if short.removeprefix("raw.") in plan.pipeline.streams:
        raise PlanError(
            f"{prefix}{short} holds what producers send, not rows: try ingested.{short.removeprefix('raw.')}"
        )
    raise PlanError(f"{plan.topics.prefix} has no topic {named}; there are {', '.join(schemas)}")


def _schemas(plan: Plan) -> dict[str, pa.Schema]:
    """Every topic that carries Arrow, in the order of the path."""
    names, pipeline = plan.topics, plan.pipeline
    return {
        **{names.ingested(stream): plan.ingested_schema(stream) for stream in pipeline.streams},
        **{names.clean(stream): plan.cleaned_schema(stream) for stream in pipeline.streams if not plan.travels(stream)},
        **{log.topic: log.schema for log in plan.logs},
        **{names.features(name): plan.features_schema(name) for name in pipeline.predictions},
        **{names.predictions(name): plan.predictions_schema(name) for name in pipeline.predictions},
        names.quarantine: QUARANTINE_SCHEMA,
    }


async def _print(
    kafka: KafkaAccess, plan: Plan, topics: dict[str, pa.Schema], from_: From, limit: int | None, json: bool
) -> None:
    left = limit
    async with follow(kafka, topics, from_start=from_ is From.START) as messages:
        _say(f"following {', '.join(topics)} from the {from_}; Ctrl-C ends it")
        async for message in messages:
            if message.refused:
                _say(f"{message.topic} {message.partition}:{message.offset} is refused: {message.refused}")
            for line in _lines(replace(message, rows=message.rows.slice(0, left)), plan.topics.prefix, json):
                print(line)
            sys.stdout.flush()  # somebody may wait for the rows behind a pipe
            if left is not None:
                left -= min(left, message.rows.num_rows)
                if not left:
                    return


def _lines(arrived: Arrived, prefix: str, json: bool) -> Iterator[str]:
    for row in rows_of(arrived.rows):
        if json:
            place = {"_topic": arrived.topic, "_log_partition": arrived.partition, "_log_offset": arrived.offset}
            yield json_line({**row, **place})
        else:
            values = " ".join(f"{name}={escaped(value, _VALUE)}" for name, value in row.items() if value is not None)
            yield f"{arrived.topic.removeprefix(f'{prefix}.')} {arrived.partition}:{arrived.offset}  {values}"


def _say(message: str) -> None:
    print(f"headrace: {message}", file=sys.stderr, flush=True)
