"""What actionlint and zizmor say of a repository's workflows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from headrace.manifests.kustomize import go_tool

_MODULE = Path(__file__).with_name("actionlint")  # go.mod and go.sum pin it
_PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"
_OLDEST_GO = (1, 25)  # the `go` line of go.mod
_BIN = Path(sys.executable).parent


def actionlint_ready(cache: Path, say: Callable[[str], None]) -> Path:
    """The path of the program, built first (seconds, once) when it is not in the cache."""
    return go_tool(cache, "actionlint", _MODULE, _PACKAGE, _OLDEST_GO, say)


def actionlint(program: Path, repository: Path) -> list[str]:
    """What is wrong with the workflows of a repository: syntax, expressions, and shell (by shellcheck)."""
    files = sorted((repository / ".github" / "workflows").glob("*.yml"))
    options = ["-no-color", "-format", "{{json .}}", "-shellcheck", str(_BIN / "shellcheck")]
    done = subprocess.run(
        [str(program), *options, *map(str, files)], cwd=repository, capture_output=True, text=True, timeout=120
    )
    if done.returncode not in (0, 1):  # 1: there are findings
        raise RuntimeError(f"actionlint: {done.stderr}")
    return [f"{Path(each['filepath']).name}:{each['line']}: {each['message']}" for each in json.loads(done.stdout)]


def zizmor(repository: Path) -> list[str]:
    """What zizmor finds in the workflows and the Dependabot file, offline, as strictly as its pedantic persona."""
    options = ["--offline", "--no-progress", "--persona", "pedantic", "--format", "json-v1", "--no-exit-codes"]
    done = subprocess.run(
        [str(_BIN / "zizmor"), *options, str(repository / ".github")], capture_output=True, text=True, timeout=120
    )
    if done.returncode != 0:
        raise RuntimeError(f"zizmor: {done.stderr}")
    return [f"{each['ident']}: {each['desc']}" for each in json.loads(done.stdout)]
