"""Skaffold, built once from its pinned sources. Its go.mod repeats the replacements: only a main module's hold."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from headrace.local.go import go_build, go_ready
from headrace.local.lock import one_at_a_time
from headrace.local.places import PROJECT_ROOT, cache_folder, make_folder

VERSION = "v2.24.0"  # what go.mod pins
_OLDEST_GO = (1, 26)  # the `go` line of go.mod
_MODULE = Path(__file__).parent
_PACKAGE = "github.com/GoogleContainerTools/skaffold/v2"


def skaffold_ready(say: Callable[[str], None]) -> Path:
    """The program, built first (4 minutes on two cores, once) when the cache lacks it; raises StackError."""
    cache = cache_folder()
    builds = cache / "builds"
    pins = b"".join((_MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    name = f"skaffold-{platform.system()}-{platform.machine()}-{hashlib.sha256(pins).hexdigest()[:12]}".lower()
    program = builds / name
    if not program.exists():
        make_folder(builds)
        go = go_ready(cache, _OLDEST_GO, say)
        say("Building Skaffold from its pinned sources (4 minutes, once)")
        linked = f"-ldflags=-s -w -X {_PACKAGE}/pkg/skaffold/version.version={VERSION}"
        with one_at_a_time(builds, say):
            go_build(go, _MODULE, f"{_PACKAGE}/cmd/skaffold", program, [linked], builds / "logs" / "skaffold.log", say)
    return program


class Skaffold:
    """The program in a project's root, beside a Kustomize; it asks nobody for updates and tells nobody of its use.

    It has no cluster, or the one of a kubectl and a kubeconfig. In `tools` are the programs that it finds first.
    """

    def __init__(
        self,
        program: Path,
        kustomize: Path,
        scratch: Path,
        *,
        kubectl: Path | None = None,
        kubeconfig: str = "",
        root: Path = PROJECT_ROOT,
    ) -> None:
        self.tools = scratch / "tools"
        self.tools.mkdir()
        (self.tools / "kustomize").symlink_to(kustomize)
        if kubectl is not None:
            (self.tools / "kubectl").symlink_to(kubectl)
        self.root = root
        self._program = program
        self._scratch = scratch
        self.environment = {
            **os.environ,
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "SKAFFOLD_UPDATE_CHECK": "false",
            "SKAFFOLD_INTERACTIVE": "false",
            "SKAFFOLD_CONFIG": str(scratch / "skaffold-config"),
            "KUBECONFIG": kubeconfig or str(scratch / "no-cluster"),
        }

    def command(self, *words: str) -> list[str]:
        """A command, for the root and with the environment."""
        return [str(self._program), *words]

    def diagnose(self, *words: str) -> str:
        """The configuration as Skaffold reads it."""
        return self.run("diagnose", "--yaml-only", *words)

    def render(self, *words: str) -> str:
        """The manifests, with images as they are written in them."""
        with tempfile.NamedTemporaryFile(dir=self._scratch, suffix=".yaml") as file:
            self.run("render", "--offline=true", "--digest-source=none", f"--output={file.name}", *words)
            return Path(file.name).read_text()

    def run(self, *words: str, seconds: float = 180.0) -> str:
        """What a command prints; fails with all that it said when the command does."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"skaffold {' '.join(words)}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout
