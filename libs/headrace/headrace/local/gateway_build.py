"""The S3 server (versitygw): built once from its pinned sources into the cache."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from pathlib import Path

from headrace.local.go import go_build, go_ready

_MODULE = Path(__file__).with_name("s3server")  # go.mod and go.sum pin versitygw and everything it is made of
_PACKAGE = "github.com/versity/versitygw/cmd/versitygw"
_OLDEST_GO = (1, 25)  # the `go` line of go.mod


def gateway_ready(cache: Path, say: Callable[[str], None]) -> Path:
    """The path of the versitygw program, building it first (2 to 4 minutes, once) when it is not in the cache.

    The sources are checked by go.sum. Raises StackError with the compiler's last line when it cannot be built.
    """
    pins = b"".join((_MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    name = f"versitygw-{platform.system()}-{platform.machine()}-{hashlib.sha256(pins).hexdigest()[:12]}".lower()
    program = cache / name
    if not program.exists():
        go = go_ready(cache, _OLDEST_GO, say)
        say("Building the S3 server from its pinned sources (2 to 5 minutes, once)")
        go_build(go, _MODULE, _PACKAGE, program, ["-ldflags=-s -w"], cache / "logs" / "s3server.log", say)
    return program
