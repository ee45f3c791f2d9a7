"""Where the embedded stack keeps things: downloads in one cache per user, data in one state folder per project."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from headrace.contract.errors import StackError

PROJECT_ROOT = Path(__file__).resolve().parents[4]
ENOUGH_SPACE = 1 << 30  # bytes; Kafka's first segments, an Arrow spill and the S3 server's build all fit
_FULL = 1 << 20  # bytes
_NAMED = "HEADRACE_STATE (data) or HEADRACE_CACHE (downloads)"


def cache_folder() -> Path:
    """The folder of everything fetched once: `HEADRACE_CACHE`, or the platform's cache folder for this user."""
    named = os.environ.get("HEADRACE_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "headrace"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "headrace"


def state_folder() -> Path:
    """The folder of the stack's data, logs and addresses: `HEADRACE_STATE`, or `.headrace` in the project's root."""
    named = os.environ.get("HEADRACE_STATE")
    return Path(named).expanduser().resolve() if named else PROJECT_ROOT / ".headrace"


def make_folder(folder: Path, *, space: int = ENOUGH_SPACE) -> None:
    """Create `folder` and check that its disk has `space` bytes free; raises StackError when either fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise StackError(f"cannot use the folder {folder}: {error.strerror}; name another one with {_NAMED}") from error
    if free < space:
        raise StackError(
            f"the disk of {folder} has {free >> 20} MiB free and {space >> 20} MiB are needed; "
            f"free some space or name a folder on another disk with {_NAMED}"
        )


def is_full(folder: Path) -> bool:
    """Whether next to nothing fits on this folder's disk any more: a program there cannot even say why it ends."""
    return shutil.disk_usage(folder).free < _FULL
