"""The few questions that the start of a cluster asks its API server."""

from __future__ import annotations

import json
import ssl
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headrace.contract.errors import StackError

from rig.cluster import network

_POLL_SECONDS = 0.1
_ANSWER_SECONDS = 5.0

Object = dict[str, Any]  # as the API server answers: JSON


class Api:
    """The API server as its administrator, from inside."""

    def __init__(self, folder: Path) -> None:
        pki = folder / "pki"
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def get(self, path: str) -> Object | None:
        """The object at this path, None while there is none or nobody answers."""
        body = self._read(path)
        return json.loads(body) if body is not None else None

    def answers(self, path: str) -> bool:
        """Whether this path answers with success."""
        return self._read(path) is not None

    def _read(self, path: str) -> bytes | None:
        url = f"https://127.0.0.1:{network.API_PORT}{path}"
        try:
            with urllib.request.urlopen(url, context=self._context, timeout=_ANSWER_SECONDS) as answer:
                body: bytes = answer.read()
        except OSError:  # refused, or an HTTP status that is none of success
            return None
        return body


def wait_until(true: Callable[[], bool], what: str, seconds: float, look: Callable[[], None]) -> None:
    """Return once `true` says yes; calls `look` in between. Raises StackError when that takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        look()
        if time.monotonic() > deadline:
            raise StackError(f"{what} is not there after {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
