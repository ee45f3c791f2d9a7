"""Commands on a pipeline file: is it right, what would change, and make it so."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.failures import message
from headrace.cli.plan_text import counted, plan_text
from headrace.cli.where import find_kafka, find_store
from headrace.contract.changes import Change, refusal, topic_changes
from headrace.contract.errors import BrokerError, PipelineError, PlanError
from headrace.contract.json_schema import schema_text
from headrace.contract.plan import Plan
from headrace.contract.topic_list import plan_topics
from headrace.runtime import kafka, topic_ids, topic_register, topics
from headrace.runtime.exits import exit_of
from headrace.runtime.kafka_access import KafkaAccess
from headrace.runtime.pipeline_file import read_plan as read_plan
from headrace.runtime.settings import servers
from headrace.runtime.topic_ids import Topic
from headrace.store.opening import open_store

_SECONDS = 15.0


def _servers(text: str | None) -> str | None:
    try:
        return servers(text) if text else text
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


PipelineFile = Annotated[
    Path, typer.Argument(help="The pipeline file.", metavar="FILE", envvar="HEADRACE_PIPELINE", show_default=False)
]
Kafka = Annotated[
    str | None,
    typer.Option(help="Bootstrap servers.", metavar="HOST:PORT[,...]", envvar="HEADRACE_KAFKA", callback=_servers),
]

Applied = Annotated[
    bool, typer.Option("--applied", help="End with status 2 unless every topic is there as the file asks.")
]
Recreated = Annotated[
    bool,
    typer.Option(
        "--recreated",
        help="All topics of the pipeline were deleted: let the services take the new ones. State of the old ones is"
        " not used again; tables in the lake keep their rows and get the new ones beside them.",
    ),
]


def check(file: PipelineFile) -> None:
    """Find what is wrong with a pipeline file.

    Every problem is shown with its line and what would mend it. Exit status 1 if there is one.
    """
    try:
        pipeline = read_plan(file).pipeline
    except PipelineError as error:
        print(message(error), file=sys.stderr)
        raise typer.Exit(1) from None
    print(
        f"{file}: right. {pipeline.tenant}.{pipeline.name} has {counted(len(pipeline.streams), 'stream')},"
        f" {counted(len(pipeline.features), 'view')}, {counted(len(pipeline.predictions), 'prediction')}"
    )


def plan(file: PipelineFile, kafka: Kafka = None, applied: Applied = False) -> None:
    """Show what a pipeline file asks for.

    Topics, logs, tables and schemas; with --kafka, each topic is compared with what exists: new, same, differs or
    orphaned (the pipeline's by its name, but not in the file). Nothing is changed.
    """
    made = read_plan(file)
    if applied and not kafka:
        raise PlanError("say where Kafka is, with --kafka or HEADRACE_KAFKA")
    found: dict[str, int] = {}
    unreachable: BrokerError | None = None
    if kafka:
        try:
            found = asyncio.run(_existing(find_kafka(kafka)))
        except BrokerError as error:
            unreachable = error
    compared = bool(kafka) and unreachable is None
    changes = topic_changes(plan_topics(made), found, made.topics.prefix)
    print(plan_text(made, changes, compared=compared))
    if unreachable is not None:
        print(f"headrace: not compared with what exists: {unreachable}", file=sys.stderr)
        raise typer.Exit(exit_of(unreachable))
    missing = [change.topic for change in changes if change.change in (Change.NEW, Change.DIFFERS)]
    if applied and missing:
        raise PlanError(f"not applied: {', '.join(missing)} (`headrace apply {file}` creates what is missing)")


def apply(file: PipelineFile, kafka: Kafka = None, recreated: Recreated = False) -> None:
    """Create the topics that are missing.

    What exists is never changed or deleted, so it may be run again at any time. A topic with another number of
    partitions than the file asks for is refused before anything is created.
    """
    made = read_plan(file)
    if not kafka:
        raise PlanError("say where Kafka is, with --kafka or HEADRACE_KAFKA")
    access = find_kafka(kafka)
    created = asyncio.run(create_missing(access, made, print))
    if recreated:
        topic_register.take_anew(open_store(find_store()), made.topics, asyncio.run(_described(access, made)))
    print(f"{made.topics.prefix}: {len(created)} topics created, {len(plan_topics(made)) - len(created)} were there")


def schema() -> None:
    """Print the JSON Schema of the pipeline file.

    For editors that complete and check it: docs/reference/pipeline.md says how.
    """
    print(schema_text(), end="")


async def create_missing(access: KafkaAccess, plan: Plan, say: Callable[[str], None] = lambda _: None) -> list[str]:
    """Create the topics that are missing and return their names; `say` is told of each.

    Raises PlanError, before it creates any, when one exists with another number of partitions: placement and logs
    depend on it, so it is never changed in place.
    """
    async with kafka.admin(access, _SECONDS) as admin:
        changes = topic_changes(plan_topics(plan), await topics.existing(admin, _SECONDS), plan.topics.prefix)
        if why := refusal(changes):
            raise PlanError(why)
        missing = {change.topic: change.wanted for change in changes if change.change is Change.NEW and change.wanted}
        if missing:
            say(f"creating {len(missing)} topics at {access.servers}")
            await topics.create(admin, missing, _SECONDS)
    for change in changes:
        if change.change is Change.NEW:
            say(f"created   {change.topic}, {change.wanted} partitions")
        elif change.change is Change.ORPHANED:
            say(f"orphaned  {change.topic}: the file does not ask for it; it is left alone")
    return list(missing)


async def _described(access: KafkaAccess, plan: Plan) -> dict[str, Topic]:
    async with kafka.admin(access, _SECONDS) as admin:
        return await kafka.within(_SECONDS, "topics", topic_ids.describe(admin, plan_topics(plan)))


async def _existing(access: KafkaAccess) -> dict[str, int]:
    async with kafka.admin(access, _SECONDS) as admin:
        return await topics.existing(admin, _SECONDS)
