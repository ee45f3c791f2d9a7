"""The start of a cluster as lines in a pipe: what is being done, and at the end whether it is ready."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable

from headrace.contract.errors import StackError


class Progress:
    """The writing end, which closes with the start's outcome."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = descriptor

    def say(self, what: str) -> None:
        """Tell what is being done."""
        self._write(say=what)

    def ready(self) -> None:
        """Tell that the cluster is ready."""
        self._write(ready=True)
        os.close(self._pipe)

    def failed(self, why: str) -> None:
        """Tell that it will not be."""
        self._write(failed=why)
        os.close(self._pipe)

    def _write(self, **words: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody waits for the start any more; a signal will end the cluster
            os.write(self._pipe, json.dumps(words).encode() + b"\n")


def follow(descriptor: int, say: Callable[[str], None]) -> None:
    """Read the other end until the cluster is ready; raises StackError when it failed or its processes ended."""
    with os.fdopen(descriptor) as pipe:
        for line in pipe:
            words = json.loads(line)
            if "say" in words:
                say(words["say"])
            elif "failed" in words:
                raise StackError(words["failed"])
            else:
                return
    raise StackError("the cluster's processes ended before it was ready")
