"""`headrace lake`: looking after the tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from deltalake import DeltaTable

from headrace.cli.pipeline import PipelineFile, read_plan
from headrace.cli.where import find_lake
from headrace.contract.errors import NotFound, PlanError
from headrace.lake.tables import Table, lake_tables

app = typer.Typer(help="Look after the lake's tables.", no_args_is_help=True)

Only = Annotated[str | None, typer.Option("--table", help="Only this table, as in cleaned/departures.")]
_TARGET = 128 << 20


@app.command()
def compact(file: PipelineFile, table: Only = None) -> None:
    """Put small files together, up to 128 MB each; readers and the lake service go on meanwhile."""
    for name, delta in _tables(file, table):
        done = delta.optimize.compact(target_size=_TARGET)
        print(f"{name}: {done['numFilesRemoved']} files became {done['numFilesAdded']}")


@app.command()
def vacuum(
    file: PipelineFile,
    table: Only = None,
    hours: Annotated[int, typer.Option(min=0, help="Keep files that a version of the last so many hours has.")] = 168,
    keep_version: Annotated[list[int] | None, typer.Option(help="A version that must stay readable.")] = None,
) -> None:
    """Remove files that no version still needs."""
    for name, delta in _tables(file, table):
        gone = delta.vacuum(
            retention_hours=hours, dry_run=False, enforce_retention_duration=False, keep_versions=keep_version
        )
        print(f"{name}: {len(gone)} files removed")


def _tables(file: PipelineFile, only: str | None) -> Iterator[tuple[str, DeltaTable]]:
    plan = read_plan(file)
    tables = {f"{table.hop}/{table.name}": table for table in lake_tables(plan)}
    if only is not None and only not in tables:
        raise PlanError(f"the lake has no table {only}; there are {', '.join(tables)}")
    lake = find_lake(plan)
    chosen: dict[str, Table] = tables if only is None else {only: tables[only]}
    for name, table in chosen.items():
        try:
            yield name, lake.open(table)
        except NotFound:
            print(f"{name}: nothing was written yet")
