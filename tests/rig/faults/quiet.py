"""librdkafka writes to the standard error by itself, a line for every look at a broker that is away on purpose."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def quiet(file: Path) -> Iterator[None]:
    """Send what libraries in C write to the standard error into a file; Python's own messages still come through."""
    file.parent.mkdir(parents=True, exist_ok=True)
    python, sys_stderr = os.dup(2), sys.stderr
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    os.close(log)
    try:
        with os.fdopen(os.dup(python), "w", buffering=1) as sys.stderr:
            yield
    finally:
        os.dup2(python, 2)
        os.close(python)
        sys.stderr = sys_stderr
