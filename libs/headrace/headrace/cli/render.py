"""`headrace render`: a pipeline file as a Kustomize component."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.pipeline import PipelineFile, read_plan
from headrace.contract.errors import PlanError
from headrace.manifests.rendered import namespace_of, rendered

Out = Annotated[Path, typer.Option(help="Folder of the component; what it has of an earlier rendering is replaced.")]


def render(file: PipelineFile, out: Out) -> None:
    """Write a pipeline file as a Kustomize component, for an overlay to list last among its components.

    Each service gets the part of the file that its work depends on, in a ConfigMap named by its content: only services
    whose part has changed are rolled.
    """
    pipeline = read_plan(file).pipeline
    files = rendered(pipeline, file.read_text(encoding="utf-8"))
    changed = [name for name, text in files.items() if _write(out / name, text)]
    print(f"{out}: {pipeline.tenant}.{pipeline.name} for the namespace {namespace_of(pipeline)}")
    print(f"changed: {', '.join(sorted(changed)) or 'nothing'}")


def _write(file: Path, text: str) -> bool:
    """Whether the file was another; raises PlanError where it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists() and file.read_text(encoding="utf-8") == text:
            return False
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PlanError(f"cannot write {file}: {error.strerror}") from error
    return True
