"""`headrace new`: a repository for a pipeline of one's own."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.plan_text import counted
from headrace.cli.template_files import PROGRAMS, Names, repository
from headrace.contract.errors import PlanError
from headrace.manifests.rendered import LONGEST_PIPELINE

_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST_PIPELINE - 1}}}")
_RULE = f"expected a lower-case letter, then lower-case letters, digits and _, {LONGEST_PIPELINE} characters at most"
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_THIS = f"v{version('headrace')}"

Name = Annotated[str, typer.Argument(help="The pipeline's name, and the folder's.", metavar="NAME", show_default=False)]
Tenant = Annotated[str, typer.Option(help="Whose it is; its namespace is headrace-TENANT.")]
Suite = Annotated[str, typer.Option(help="Version of Headrace that it uses: a tag, or better a commit.", metavar="REF")]


def new(name: Name, tenant: Tenant = "default", suite: Suite = _THIS) -> None:
    """Write a repository for a pipeline of your own.

    A small pipeline that works, what deploys it (Kustomize, from a pinned version of Headrace), and workflows for
    GitHub: check on every push, plan on a pull request, apply on merge.
    """
    for what, given in (("pipeline", name), ("tenant", tenant)):
        if not _NAME.fullmatch(given):
            raise PlanError(f"{given!r} cannot name a {what}: {_RULE}")
    if not _REF.fullmatch(suite):
        raise PlanError(f"{suite!r} is no tag or commit of Headrace")
    made = repository(Names(name, tenant, suite))
    folder = Path(name)
    _write(folder, made)
    print(f"{folder}: {counted(len(made), 'file')}. Next: cd {folder}, git init, make check; README.md says the rest")


def _write(folder: Path, made: dict[str, str]) -> None:
    """Raises PlanError where the folder has something in it, or cannot be written."""
    try:
        folder.mkdir(exist_ok=True)
        if any(folder.iterdir()):
            raise PlanError(f"{folder} exists and is not empty: nothing was written; choose another name, or empty it")
        for path, text in made.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            if path in PROGRAMS:
                file.chmod(0o755)
    except OSError as error:
        raise PlanError(f"cannot write {error.filename}: {error.strerror}") from error
