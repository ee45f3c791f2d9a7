"""What happened inside a service, as lines of JSON that are appended at once: they outlive it, however it ends."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Events:
    """Appends to one instance's file; safe for threads, since each line is one write."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def tell(self, what: str, **more: object) -> None:
        """Append an event of this process, with the monotonic time that all processes of a machine share."""
        line = {"what": what, "at": time.clock_gettime(time.CLOCK_MONOTONIC), "pid": os.getpid(), **more}
        os.write(self._descriptor, f"{json.dumps(line)}\n".encode())


def read_events(file: Path, start: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The whole events after the byte `start`, and where the next call begins."""
    if not file.exists():
        return [], start
    with file.open("rb") as opened:
        opened.seek(start)
        text = opened.read()
    text = text[: text.rfind(b"\n") + 1]
    return list(_parsed(text)), start + len(text)


def _parsed(text: bytes) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        yield json.loads(line)
