"""The S3 server (versitygw): built once from its pinned sources into the cache."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.tools import run_to_end, tool_folder

_MODULE = Path(__file__).with_name("s3server")  # go.mod and go.sum pin versitygw and everything it is made of
_PACKAGE = "github.com/versity/versitygw/cmd/versitygw"
_OLDEST_GO = (1, 25)  # the `go` line of go.mod


def go_on_path() -> Path | None:
    """The machine's Go when it is on the PATH, runs and is new enough for versitygw."""
    found = shutil.which("go")
    if found is None:
        return None
    command = [found, "env", "GOVERSION"]
    try:
        answer = subprocess.run(  # noqa: S603  the Go that the PATH names, no shell
            command, capture_output=True, text=True, timeout=30, check=True, env=_environment()
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return Path(found) if version and (int(version[1]), int(version[2])) >= _OLDEST_GO else None


def gateway_ready(cache: Path, say: Callable[[str], None]) -> Path:
    """The path of the versitygw program, building it first (2 to 4 minutes, once) when it is not in the cache.

    The sources are checked by go.sum. Raises StackError with the compiler's last line when it cannot be built.
    """
    pins = b"".join((_MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    name = f"versitygw-{platform.system()}-{platform.machine()}-{hashlib.sha256(pins).hexdigest()[:12]}".lower()
    program = cache / name
    if not program.exists():
        _build(_go_ready(cache, say), program, say)
    return program


def _go_ready(cache: Path, say: Callable[[str], None]) -> Path:
    go = go_on_path()
    if go is None:
        folder = tool_folder(cache, "go", "a Go toolchain (no Go 1.25 or newer is on the PATH)", say)
        # Not bin/go: that one is a script with the path of the folder it was installed in.
        go = next(folder.glob("lib/python*/site-packages/go/bin/go"), None)
        if go is None:
            raise StackError(f"{folder} has no Go toolchain in it; delete that folder and start again")
    return go


def _build(go: Path, program: Path, say: Callable[[str], None]) -> None:
    say("Building the S3 server from its pinned sources (2 to 5 minutes, once)")
    scratch = program.with_suffix(f".{os.getpid()}")
    options = ["-C", str(_MODULE), "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", str(scratch)]
    failed = "cannot build the S3 server (check the network and start again)"
    log = program.parent / "logs" / "s3server.log"
    try:
        run_to_end("s3server", [str(go), "build", *options, _PACKAGE], log, failed, say, _environment())
        scratch.rename(program)
    finally:
        scratch.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    # No C compiler is needed, and the Go at hand is used as it is instead of fetching another.
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
