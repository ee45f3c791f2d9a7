"""`headrace`: the commands, one line each."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from headrace.cli import lake, manifests, new, pipeline, quarantine, render, tail, tenant, train
from headrace.cli.failures import Commands
from headrace.local.commands import local_app

app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
app.command()(new.new)
app.command()(pipeline.check)
app.command()(pipeline.plan)
app.command()(pipeline.apply)
app.command()(pipeline.schema)
app.command()(render.render)
app.command()(manifests.manifests)
app.command()(train.train)
app.command()(tail.tail)
app.add_typer(lake.app, name="lake")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(tenant.app, name="tenant")
app.add_typer(local_app, name="local")


def _version(asked: bool) -> None:
    if asked:
        print(f"headrace {version('headrace')}")
        raise typer.Exit


@app.callback()
def headrace(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Raw events in, predictions and a lake out: check, plan and apply a pipeline file, train, look after the lake."""


def main() -> None:
    """Run a command."""
    app(prog_name="headrace")
