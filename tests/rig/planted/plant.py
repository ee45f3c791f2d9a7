"""Plants one bug in a copy of the code and tries it in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rig.planted.bugs import Bug

ROOT = Path(__file__).parents[3]
_SECONDS = 240.0
_SAID = 500  # characters of an example


@dataclass(frozen=True, slots=True)
class Catch:
    """What the judges said of a bug: an example for each invariant that it broke."""

    bug: Bug
    found: dict[str, str]

    @property
    def caught(self) -> bool:
        """Whether the invariant that is named for it caught it."""
        return self.bug.invariant in self.found

    def __str__(self) -> str:
        broken = "; ".join(f"{invariant}: {what[:_SAID]}" for invariant, what in sorted(self.found.items()))
        return f"{'caught' if self.caught else 'MISSED'}: {self.bug.name} ({self.bug.invariant}): {broken or 'nothing'}"


def copy_code(folder: Path) -> None:
    """The suite's own packages, as a copy that may be spoiled."""
    for part in ("libs", "services"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))


def plant(bug: Bug, folder: Path) -> Catch:
    """Spoil a copy of the code in `folder`, try it, and mend it again, so that it serves the next bug.

    Raises ValueError where the code no longer has the text that is to be spoiled, RuntimeError when the trial itself
    does not come to an end.
    """
    file = folder / bug.file
    code = file.read_text(encoding="utf-8")
    if code.count(bug.right) != 1:
        raise ValueError(
            f"{bug.name}: {bug.file} has {code.count(bug.right)} times the text to be spoiled; mend the bug"
        )
    file.write_text(code.replace(bug.right, bug.wrong), encoding="utf-8")
    try:
        return Catch(bug, _try(bug, folder))
    finally:
        file.write_text(code, encoding="utf-8")


def _try(bug: Bug, folder: Path) -> dict[str, str]:
    packages = [folder / "libs/headrace", *sorted((folder / "services").iterdir()), ROOT / "tests"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, packages)),
        "PYTHONDONTWRITEBYTECODE": "1",  # the code changes from bug to bug within the clock's resolution
        "NUMBA_CACHE_DIR": str(folder / "numba"),
    }
    program = [sys.executable, "-m", "rig.planted.trial", bug.trial, bug.invariant]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{bug.name}: the trial ended with {done.returncode}\n{done.stderr[-3000:]}")
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found
