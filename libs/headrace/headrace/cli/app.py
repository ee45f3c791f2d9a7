"""`headrace`: check, plan and apply a pipeline file, train its models, run it here, look after its lake."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from headrace.cli import lake, pipeline, train
from headrace.contract.errors import HeadraceError
from headrace.runtime.exits import exit_of

app = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.command()(pipeline.check)
app.command()(pipeline.plan)
app.command()(pipeline.apply)
app.command()(pipeline.schema)
app.command()(train.train)
app.add_typer(lake.app, name="lake")


def _version(asked: bool) -> None:
    if asked:
        print(f"headrace {version('headrace')}")
        raise typer.Exit


@app.callback()
def headrace(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Raw events in, predictions and a lake out."""


def main() -> None:
    """Run a command; an error that was raised on purpose is one clear message and the exit status of its kind."""
    try:
        app()
    except HeadraceError as error:
        print(f"headrace: {error}", file=sys.stderr)
        sys.exit(exit_of(error))
