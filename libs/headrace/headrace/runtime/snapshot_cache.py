"""Snapshots on this machine's own disk, so that a restart need not fetch them: a copy, and never the truth.

Whatever is wrong with the disk only costs the way to the object store.
"""

from __future__ import annotations

import logging
from pathlib import Path

_log = logging.getLogger(__name__)


class SnapshotCache:
    """A folder that holds objects under their keys; `None` for the folder holds nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        """The bytes that were put under this key, None where there are none to be had."""
        if self._folder is None:
            return None
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("the state cache is of no use: %s", error)
            return None

    def put(self, key: str, body: bytes) -> None:
        """Keep these bytes in the place of all others in the key's folder."""
        if self._folder is None:
            return
        file = self._folder / key
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            half = file.with_suffix(".part")
            half.write_bytes(body)
            half.replace(file)  # so that a crash leaves no half of one
            for other in set(file.parent.iterdir()) - {file}:
                other.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the state cache is of no use: %s", error)
