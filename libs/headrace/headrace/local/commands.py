"""`headrace local`: a real Kafka, a real S3 server and the suite's services on this machine."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from headrace.local.down import delete_data, end_stack
from headrace.local.log_lines import log_files, tell
from headrace.local.memory import MEMORY
from headrace.local.places import state_folder
from headrace.local.status import status_table
from headrace.local.up import read_pipeline, run_stack

local_app = typer.Typer(help=__doc__, no_args_is_help=True)


@local_app.command()
def up(
    pipeline: Annotated[
        Path | None, typer.Option("--pipeline", "-p", help="Pipeline whose services run beside Kafka and S3.")
    ] = None,
) -> None:
    """Start Kafka, the S3 server and a pipeline's services; run until Ctrl-C. Topics and objects are kept."""
    folder = state_folder()
    chosen = read_pipeline(pipeline) if pipeline is not None else None
    run_stack(folder, chosen, _say, lambda: _show(folder))
    _say(f"Ended. Topics and objects stay in {folder}")


@local_app.command()
def down(
    delete: Annotated[
        bool, typer.Option("--delete-data", help="Delete topics, objects, logs, ports and keys.")
    ] = False,
) -> None:
    """End the stack that another terminal runs."""
    folder = state_folder()
    if not end_stack(folder, _say):
        _say(f"No stack runs in {folder}")
    if delete:
        delete_data(folder)
        _say(f"Deleted what the stack kept in {folder}")


@local_app.command()
def status() -> None:
    """Show what runs, where it listens and whether it is ready; exit status 1 when nothing runs."""
    folder = state_folder()
    if not _show(folder):
        _say(f"No stack runs in {folder}; start one with `headrace local up`")
        raise typer.Exit(1)


@local_app.command()
def logs(
    part: Annotated[str | None, typer.Argument(help="kafka, s3, ingestion, ingestion-0, …; all when left out.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")] = False,
) -> None:
    """Show the last lines that the parts of the stack wrote."""
    with suppress(KeyboardInterrupt):
        for line in tell(log_files(state_folder(), part), follow=follow):
            typer.echo(line)


def _show(folder: Path) -> bool:
    table = status_table(folder)
    if table is None:
        return False
    console = Console()
    console.print(table)
    console.print(f"S3 keys: {folder / MEMORY}; logs: {folder / 'logs'}", soft_wrap=True, highlight=False)
    return True


def _say(message: str) -> None:
    typer.echo(f"{datetime.now().astimezone():%H:%M:%S} {message}")
