"""Many kustomizations built in one process, with Kustomize as a library of the version that is pinned for the suite."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml
from headrace.local.go import go_build, go_ready
from headrace.manifests.objects import Manifest

_MODULE = Path(__file__).with_name("builder")
_OLDEST_GO = (1, 25)

Rendered = Path | str
"""The file of a rendering, or why there is none."""


def builder_ready(cache: Path, say: Callable[[str], None]) -> Path:
    """The path of the program, built first where it is missing."""
    parts = b"".join((_MODULE / each).read_bytes() for each in ("main.go", "go.mod", "go.sum"))
    key = hashlib.sha256(parts).hexdigest()[:12]
    program = cache / f"kustomize-builder-{platform.system()}-{platform.machine()}-{key}".lower()
    if not program.exists():
        cache.mkdir(parents=True, exist_ok=True)
        go = go_ready(cache, _OLDEST_GO, say)
        say("Building the builder of combinations (once)")
        go_build(go, _MODULE, ".", program, [], cache / "logs" / "kustomize-builder.log", say)
    return program


def build_all(builder: Path, folders: Mapping[str, Path], out: Path) -> dict[str, Rendered]:
    """Build each folder; returns, by the same names, the file of its rendering or Kustomize's reason against it."""
    out.mkdir(exist_ok=True)
    files = {name: out / f"{number}.yaml" for number, name in enumerate(folders)}
    lines = "".join(f"{folder} {files[name]}\n" for name, folder in folders.items())
    subprocess.run([str(builder)], input=lines, text=True, check=True, timeout=600)
    return {name: _outcome(file) for name, file in files.items()}


def read(file: Path) -> list[Manifest]:
    """The manifests of a rendering."""
    return [each for each in yaml.load_all(file.read_text(), Loader=yaml.CSafeLoader) if each is not None]


def _outcome(file: Path) -> Rendered:
    error = Path(f"{file}.error")
    return error.read_text() if error.exists() else file
