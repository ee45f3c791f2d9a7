"""Every image, built when one of its inputs has changed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headrace.local.gateway_build import gateway_ready
from headrace.local.lock import one_at_a_time
from headrace.local.places import PROJECT_ROOT, cache_folder, make_folder

from rig.images import base, catalog
from rig.images.catalog import Catalog
from rig.images.contents import bill_of_materials
from rig.images.engine import Engine
from rig.images.oci import to_oci
from rig.images.recipes import Recipe, key_of, recipes

_SPACE = 12 << 30  # bytes: layers, build caches, the archive and its making
_CACHED = "8GB"  # of build cache: the layers of one tree and its packages' downloads are 5
_KEPT_SECONDS = 7_200.0  # another checkout may be at work with its own
_SOURCE = "https://github.com/headrace/headrace"


def images_ready(say: Callable[[str], None]) -> Catalog:
    """The images of the tree as it is, built first (minutes) when they are not in the cache.

    What nobody has used for two hours is deleted. Raises StackError with the last lines of a build that fails.
    """
    cache = cache_folder() / "images"
    folder = cache / f"archive-{key_of()}"
    make_folder(cache)
    with one_at_a_time(cache, say):
        if not (folder / catalog.NAME).exists():
            make_folder(cache, space=_SPACE)
            _build(cache, folder, say)
        folder.touch()
        for old in cache.glob("archive-*"):
            if old.stat().st_mtime < folder.stat().st_mtime - _KEPT_SECONDS:
                shutil.rmtree(old)
        return catalog.read(folder)


@contextmanager
def engine(say: Callable[[str], None]) -> Iterator[Engine]:
    """A private dockerd that has the stand-in base; one at a time."""
    cache = cache_folder() / "images"
    make_folder(cache)
    root = base.base_ready(cache, say)
    with one_at_a_time(_made(cache / "engine"), say), Engine(cache / "docker", cache / "logs", say) as running:
        _import(running, root)
        yield running
        running.run("image", "prune", "--force")
        running.run("builder", "prune", "--force", "--keep-storage", _CACHED)


def build(running: Engine, recipe: Recipe, say: Callable[[str], None]) -> float:
    """Build one image; returns the seconds it took."""
    began = time.monotonic()
    if recipe.arguments.get("PROGRAM") == "prebuilt":
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(gateway_ready(cache_folder(), say), Path(folder) / "versitygw")
            running.build(recipe.reference, Path(folder), PROJECT_ROOT / recipe.dockerfile, recipe.arguments)
    else:
        running.build(recipe.reference, PROJECT_ROOT, PROJECT_ROOT / recipe.dockerfile, recipe.arguments, recipe.target)
    return time.monotonic() - began


def labels() -> Mapping[str, str]:
    """What the images say of their origin: version, revision and its time, so that one commit gives one image."""
    version = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]["version"]
    return {"VERSION": version, "SOURCE": _SOURCE, "REVISION": _git("%H"), "CREATED": _git("%cI")}


def _git(what: str) -> str:
    command = ["git", "-C", str(PROJECT_ROOT), "log", "-1", f"--format={what}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _build(cache: Path, folder: Path, say: Callable[[str], None]) -> None:
    wanted, seconds = recipes(labels()), {}
    with engine(say) as running, tempfile.TemporaryDirectory(dir=cache) as scratch:
        for recipe in wanted:
            seconds[recipe.reference] = build(running, recipe, say)
            say(f"Built {recipe.name} in {seconds[recipe.reference]:.0f} s")
        saved, made = Path(scratch) / "saved.tar", _made(Path(scratch) / "archive")
        running.run("save", "--output", str(saved), *[recipe.reference for recipe in wanted])
        _add_bills(catalog.write(made / "images.tar", to_oci(saved, made / "images.tar"), seconds))
        made.rename(folder)


def _add_bills(made: Catalog) -> None:
    folder = _made(made.archive.parent / "sbom")
    for image in made:
        if (bill := bill_of_materials(made.archive, image.digest)) is not None:
            (folder / f"{image.name}.cdx.json").write_bytes(bill)


def _import(running: Engine, root: Path) -> None:
    known = running.run("image", "inspect", "--format", "{{json .Config.Labels}}", base.NAME, check=False).stdout
    if root.name not in known:
        changes = [f"ENV {name}={value}" for name, value in base.ENVIRONMENT.items()]
        told = [word for change in [*changes, f"LABEL made-from={root.name}"] for word in ("--change", change)]
        running.run("import", *told, str(root), base.NAME)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
