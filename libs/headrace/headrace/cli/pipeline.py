"""Commands on a pipeline file: is it right, what would change, and make it so."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from headrace.contract.errors import PlanError
from headrace.contract.load import load_pipeline
from headrace.contract.pipeline import Pipeline
from headrace.contract.plan import Plan, make_plan
from headrace.contract.topic_list import plan_topics
from headrace.lake.tables import lake_tables
from headrace.runtime import kafka, topics

PipelineFile = Annotated[
    Path, typer.Argument(help="The pipeline file.", envvar="HEADRACE_PIPELINE", show_default=False)
]
Kafka = Annotated[
    str | None, typer.Option(help="Bootstrap servers, host:port[,host:port...].", envvar="HEADRACE_KAFKA")
]
_SECONDS = 15.0


def read_plan(file: Path) -> Plan:
    """The plan of a pipeline file; raises UserError that says what is wrong with it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"cannot read {file}: {error}") from error
    return make_plan(load_pipeline(text, str(file)))


def check(file: PipelineFile) -> None:
    """Say whether a pipeline file is right, and everything that is wrong with it."""
    pipeline = read_plan(file).pipeline
    print(
        f"{file}: right. {pipeline.tenant}.{pipeline.name}: {len(pipeline.streams)} streams,"
        f" {len(pipeline.features)} views, {len(pipeline.predictions)} predictions"
    )


def plan(file: PipelineFile, kafka: Kafka = None) -> None:
    """Show what a pipeline file asks for: topics, logs, tables; with --kafka, compared with what exists."""
    made = read_plan(file)
    wanted = plan_topics(made)
    found = asyncio.run(_existing(kafka)) if kafka else {}
    print("Topics")
    for name, count in wanted.items():
        print(f"  {_state(name, count, found) if kafka else ' '} {name}  {count} partitions")
    for name in sorted(found.keys() - wanted.keys()):
        if name.startswith(f"{made.topics.prefix}."):
            print(f"  ? {name}  {found[name]} partitions, and the file does not name it")
    print("Logs, in the order of the rows' path")
    for log in made.logs:
        print(f"  by {log.column}: streams {', '.join(log.streams)}; views {', '.join(log.views) or 'none'}")
        print(f"    columns {', '.join(f'{field.name} {field.type}' for field in log.schema)}")
    print("Tables")
    for table in lake_tables(made):
        print(f"  {table.root}  {len(table.schema)} columns by date of {table.time_column}")
    if kafka:
        print("+ new   = there already   ! other partition count   ? not in the file")


def apply(file: PipelineFile, kafka: Kafka = None) -> None:
    """Create the topics that are missing; never changes one that exists."""
    if kafka is None:
        raise PlanError("say where Kafka is, with --kafka or HEADRACE_KAFKA")
    made = read_plan(file)
    created = asyncio.run(create_missing(kafka, made))
    for name in created:
        print(f"created {name}")
    print(f"{made.topics.prefix}: {len(created)} topics created, {len(plan_topics(made)) - len(created)} were there")


def schema() -> None:
    """Print the JSON Schema of the pipeline file, for editors that complete and check it."""
    print(json_schema())


def json_schema() -> str:
    """The JSON Schema of the pipeline file, as text."""
    return json.dumps(Pipeline.model_json_schema(by_alias=True), indent=1, sort_keys=True)


async def create_missing(address: str, plan: Plan) -> list[str]:
    """Create the topics that are missing and return their names.

    Raises PlanError when a topic exists with another number of partitions: placement and logs depend on it, so it is
    never changed in place.
    """
    wanted = plan_topics(plan)
    async with kafka.admin(address, _SECONDS) as admin:
        found = await topics.existing(admin, _SECONDS)
        wrong = [name for name, count in wanted.items() if found.get(name, count) != count]
        if wrong:
            said = ", ".join(f"{name} has {found[name]} partitions, the file says {wanted[name]}" for name in wrong)
            raise PlanError(f"{said}; keep the count, or give the pipeline a new name and backfill")
        missing = {name: count for name, count in wanted.items() if name not in found}
        if missing:
            await topics.create(admin, missing, _SECONDS)
    return list(missing)


async def _existing(address: str) -> dict[str, int]:
    async with kafka.admin(address, _SECONDS) as admin:
        return await topics.existing(admin, _SECONDS)


def _state(name: str, count: int, found: dict[str, int]) -> str:
    if name not in found:
        return "+"
    return "=" if found[name] == count else "!"
