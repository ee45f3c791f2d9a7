"""Kustomize: built once from its pinned sources into the cache, and run."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import yaml

from headrace.contract.errors import PlanError
from headrace.local.go import go_build, go_ready
from headrace.manifests.objects import Manifest

_MODULE = Path(__file__).with_name("kustomize")  # go.mod and go.sum pin kustomize and everything it is made of
_PACKAGE = "sigs.k8s.io/kustomize/kustomize/v5"
_OLDEST_GO = (1, 25)  # the `go` line of go.mod
_SECONDS = 60.0


def kustomize_ready(cache: Path, say: Callable[[str], None]) -> Path:
    """The path of the program, building it first (half a minute, once) when it is not in the cache.

    The sources are checked by go.sum. Raises StackError with the compiler's last line when it cannot be built.
    """
    return go_tool(cache, "kustomize", _MODULE, _PACKAGE, _OLDEST_GO, say)


def go_tool(
    cache: Path, name: str, module: Path, package: str, oldest: tuple[int, int], say: Callable[[str], None]
) -> Path:
    """A program of a pinned Go module, in the cache under a name that follows from its pins and this machine."""
    pins = b"".join((module / each).read_bytes() for each in ("go.mod", "go.sum"))
    key = hashlib.sha256(pins).hexdigest()[:12]
    program = cache / f"{name}-{platform.system()}-{platform.machine()}-{key}".lower()
    if not program.exists():
        cache.mkdir(parents=True, exist_ok=True)
        go = go_ready(cache, oldest, say)
        say(f"Building {name} from its pinned sources (once)")
        go_build(go, module, package, program, ["-ldflags=-s -w"], cache / "logs" / f"{name}.log", say)
    return program


def build(kustomize: Path, folder: Path) -> list[Manifest]:
    """Return what a kustomization renders; raises PlanError with Kustomize's own reason when it refuses."""
    command = [str(kustomize), "build", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603  no shell
    if done.returncode != 0:
        reason = done.stderr.strip().removeprefix("Error: ")
        raise PlanError(f"{folder} cannot be built: {reason}")
    return [each for each in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if each is not None]
