"""`headrace manifests`: whether an overlay may be applied."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.plan_text import counted
from headrace.local.places import cache_folder
from headrace.manifests.check import deployable, findings
from headrace.manifests.choice import twice_chosen
from headrace.manifests.kustomize import build, kustomize_ready

Overlay = Annotated[Path, typer.Argument(help="Folder of a kustomization.", metavar="FOLDER", show_default=False)]
AnyImage = Annotated[bool, typer.Option("--any-image", help="Images may still be the all-zero places of an overlay.")]


def manifests(folder: Overlay, any_image: AnyImage = False) -> None:
    """Find what is wrong with an overlay before it is applied.

    It is built with Kustomize and looked at as a whole: names that lead nowhere, components that exclude each other,
    pods that are not restricted, tenants without bounds, images without a digest, secrets. Exit status 1 if there is
    something.
    """
    wrong = twice_chosen(folder)
    if not wrong:
        rendered = build(kustomize_ready(cache_folder(), lambda line: print(line, file=sys.stderr)), folder)
        wrong = (findings if any_image else deployable)(rendered)
    for each in wrong:
        print(f"{each.rule}: {each}", file=sys.stderr)
    if wrong:
        print(f"headrace: {counted(len(wrong), 'problem')} in {folder}", file=sys.stderr)
        raise typer.Exit(1)
    print(f"{folder}: right. {counted(len(rendered), 'object')}")
