"""How a command fails: one clear message on stderr and the exit status of its kind, for all commands alike."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from headrace.cli.plan_text import counted
from headrace.contract.errors import HeadraceError, PipelineError
from headrace.runtime.exits import exit_of


class Commands(TyperGroup):
    """A group whose commands may raise the suite's errors; anything else is a fault of ours and shows its trace."""

    def invoke(self, ctx: Any) -> Any:  # Any: the base takes a class of click that typer keeps to itself
        """Run a command; ends with the exit status of the error that it raised."""
        try:
            return super().invoke(ctx)
        except HeadraceError as error:
            print(message(error), file=sys.stderr)
            raise typer.Exit(exit_of(error)) from None


def message(error: HeadraceError) -> str:
    """Return what a person is told: for a pipeline file, every problem as `file:line: path: message`."""
    if not isinstance(error, PipelineError):
        return f"headrace: {error}"
    lines = []
    for problem in error.problems:
        lines.append(f"{error.file}:{problem.line}: {problem.path}: {problem.message}")
        if problem.mend:
            lines.append(f"    {problem.mend}")
    return "\n".join([*lines, f"headrace: {counted(len(error.problems), 'problem')} in {error.file}"])
