"""Programs in Go: built once from pinned sources into the cache, with the machine's Go or one fetched for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.tools import run_to_end, tool_folder


def go_ready(cache: Path, oldest: tuple[int, int], say: Callable[[str], None]) -> Path:
    """The machine's Go, or, where that is older than `oldest` or missing, the pinned one, fetched first if need be.

    Raises StackError when there is none.
    """
    go = go_on_path(oldest)
    if go is None:
        wanted = ".".join(map(str, oldest))
        folder = tool_folder(cache, "go", f"a Go toolchain (no Go {wanted} or newer is on the PATH)", say)
        # Not bin/go: that one is a script with the path of the folder it was installed in.
        go = next(folder.glob("lib/python*/site-packages/go/bin/go"), None)
        if go is None:
            raise StackError(f"{folder} has no Go toolchain in it; delete that folder and start again")
    return go


def go_on_path(oldest: tuple[int, int]) -> Path | None:
    """The machine's Go when it is on the PATH, runs and is not older than `oldest`."""
    found = shutil.which("go")
    if found is None:
        return None
    version = re.match(r"go(\d+)\.(\d+)", go_version(Path(found)))
    return Path(found) if version and (int(version[1]), int(version[2])) >= oldest else None


def go_version(go: Path) -> str:
    """What a Go toolchain calls itself, such as `go1.26.8`; empty when it does not run."""
    command = [str(go), "env", "GOVERSION"]
    try:
        answer = subprocess.run(  # noqa: S603  a Go that was looked for, no shell
            command, capture_output=True, text=True, timeout=30, check=True, env=_environment()
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def go_build(
    go: Path, module: Path, package: str, program: Path, options: Sequence[str], log: Path, say: Callable[[str], None]
) -> None:
    """Build `package` of the Go module in the folder `module` (its go.sum checks every source) into the file `program`.

    Nothing half-built is left. Raises StackError with the compiler's last lines when it cannot be built.
    """
    scratch = program.with_suffix(f".{os.getpid()}")
    command = [str(go), "build", "-C", str(module), "-mod=readonly", "-trimpath", *options, "-o", str(scratch), package]
    failed = f"cannot build {program.name} (check the network and start again)"
    try:
        run_to_end(module.name, command, log, failed, say, _environment())
        scratch.rename(program)
    finally:
        scratch.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    # No C compiler is needed, and the Go at hand is used as it is instead of fetching another.
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
