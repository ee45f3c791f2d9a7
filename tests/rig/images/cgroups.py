"""The control groups that a daemon made: empty ones stay behind when it ends."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def remove(parent: str) -> None:
    """Remove the control group of this name with those below it, in every hierarchy; none has a process any more."""
    for top in [_ROOT / parent, *_ROOT.glob(f"*/{parent}")]:
        for folder, _, _ in os.walk(top, topdown=False):
            Path(folder).rmdir()
