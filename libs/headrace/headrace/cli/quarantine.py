"""`headrace quarantine`: which rows were rejected, why, and how they get another chance."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

import polars as pl
import typer

from headrace.cli.pipeline import Kafka, PipelineFile, read_plan
from headrace.cli.plan_text import counted
from headrace.cli.shown import Row, escaped, json_line, moment, rows_of
from headrace.cli.where import find_kafka, find_lake, find_store
from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.contract.resend import resent, why_not
from headrace.lake.tables import find_table
from headrace.runtime.kafka_access import KafkaAccess
from headrace.runtime.redrive import Again, Redriven
from headrace.runtime.redrive import redrive as send_again
from headrace.store.opening import open_store

app = typer.Typer(
    help="Look at the rows that were rejected, as the lake has them, and send them again.", no_args_is_help=True
)

Stage = Annotated[str | None, typer.Option(help="Only rows that this stage rejected, as in cleaning.")]
Topic = Annotated[str | None, typer.Option(help="Only rows read from this topic, as in raw.weather.")]
Reason = Annotated[str | None, typer.Option(help="Only rows rejected for this reason, as in out_of_range.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]

_GROUP = ["stage", "topic", "reason", "rule"]
_PLACE = ["topic", "_log_partition", "topic_offset", "_row"]
_CELL = 60  # characters of a cell
_SHOWN = 400  # characters of a rejected record


@app.command(name="list")
def list_(
    file: PipelineFile, stage: Stage = None, topic: Topic = None, reason: Reason = None, json: Json = False
) -> None:
    """Count the rejected rows by stage, topic, reason and rule, the largest count first.

    The rule is the column, requirement or step that a row has failed; first and last are the times of its records.
    """
    plan = read_plan(file)
    rows = _rejected(plan, stage, topic, reason)
    # As numbers: a record's time is its producer's word, and may be one that no calendar has.
    time = pl.col("time").cast(pl.Int64)
    counts = (
        rows.group_by(_GROUP)
        .agg(pl.len().alias("rows"), time.min().alias("first"), time.max().alias("last"))
        .sort("rows", *_GROUP, descending=[True, False, False, False, False])
        .collect()
    )
    found = [
        {**row, "first": moment(row["first"]), "last": moment(row["last"])} for row in counts.iter_rows(named=True)
    ]
    _tell(found, list(_columns(["rows", *_GROUP, "first", "last"], found)), json)


@app.command()
def show(
    file: PipelineFile,
    stage: Stage = None,
    topic: Topic = None,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows.")] = 20,
    json: Json = False,
) -> None:
    """Show rejected rows, the latest first: where each was read, what was wrong with it, and what it was.

    Records are shown with everything unprintable escaped, and cut; with --json they are whole.
    """
    plan = read_plan(file)
    rows = _rejected(plan, stage, topic, reason)
    latest = rows.sort("time", *_PLACE, descending=[True, False, False, False, False]).head(limit).collect()
    found = rows_of(latest.to_arrow())
    _tell(found, [line for row in found for line in _block(row)], json)


@app.command()
def redrive(
    file: PipelineFile,
    kafka: Kafka = None,
    stage: Stage = None,
    topic: Topic = None,
    reason: Reason = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
) -> None:
    """Send rejected rows once more, each to the raw partition it came from, after the cause is mended.

    A row is sent exactly once, however often this is run and wherever a run is cut short; one that is rejected again
    is a new row of quarantine. Rows that were rejected after cleaning had kept them are left alone.
    """
    plan = read_plan(file)
    rows = list(_rejected(plan, stage, topic, reason).sort(_PLACE).collect().iter_rows(named=True))
    if not rows:
        _tell([], [], json=False)
    streams = plan.pipeline.streams
    reasons = [why_not(row, streams) for row in rows]
    due: dict[str, list[Again]] = {}
    for row, why in zip(rows, reasons, strict=True):
        if why is None:
            identity = (row["_partition"], row["_offset"], row["_row"])
            due.setdefault(row["stream"], []).append(Again(identity, resent(row, streams[row["stream"]])))
    for stream, again in due.items():
        if dry_run:
            print(f"{stream}: {counted(len(again), 'row')} to be sent again, unless they were before")
            continue
        done = asyncio.run(_redrive(find_kafka(kafka), plan, stream, again))
        print(f"{stream}: {counted(done.sent, 'row')} sent again, {done.before} had been before")
    for why, count in Counter(filter(None, reasons)).most_common():
        print(f"headrace: {counted(count, 'row')} left alone: {why}", file=sys.stderr)


async def _redrive(kafka: KafkaAccess, plan: Plan, stream: str, rows: Sequence[Again]) -> Redriven:
    def said(count: int) -> None:
        print(f"headrace: {stream}: {count} of {len(rows)} sent", file=sys.stderr)

    return await send_again(kafka, open_store(find_store()), plan.topics, plan.topics.raw(stream), rows, said)


def _rejected(plan: Plan, stage: str | None, topic: str | None, reason: str | None) -> pl.LazyFrame:
    table = find_table(plan, Hop.QUARANTINE, "all")
    rows = find_lake(plan).scan(table)[0].select(table.schema.names)
    if topic is not None:
        whole = topic if topic.startswith(f"{plan.topics.prefix}.") else f"{plan.topics.prefix}.{topic}"
        rows = rows.filter(topic=whole)
    if stage is not None:
        rows = rows.filter(stage=stage)
    return rows if reason is None else rows.filter(reason=reason)


def _tell(found: Sequence[Row], lines: Sequence[str], json: bool) -> None:
    if not found:
        print("headrace: the lake has no such rejected row", file=sys.stderr)
    for line in map(json_line, found) if json else lines:
        print(line)


def _columns(names: Sequence[str], found: Sequence[Row]) -> Iterator[str]:
    """A table as plain text that greps and diffs well; `-` where there is nothing."""
    cells = [names, *([_cell(row[name]) for name in names] for row in found)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = [
            cell.ljust(width) if place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(padded).rstrip()


def _cell(value: object) -> str:
    return "-" if value is None else escaped(value, _CELL)


def _block(row: Row) -> Iterator[str]:
    """Where a row was read and what it failed; what was wrong; what the row is; an empty line."""
    record = "" if row["_row"] is None else f", raw record {row['_partition']}:{row['_offset']} row {row['_row']}"
    failed = _cell(row["reason"]) + ("" if row["rule"] is None else f" ({_cell(row['rule'])})")
    place = f"{row['topic']} {row['_log_partition']}:{row['topic_offset']}{record}"
    yield f"{row['time']}  {_cell(row['stage'])}: {failed}  {place}"
    yield f"    {escaped(row['detail'], _SHOWN)}"
    yield f"    {escaped(row['raw'], _SHOWN)}"
    yield ""
