"""How a checkpoint is read."""

from __future__ import annotations

import subprocess
import sys

COMMAND = """
import os

import pyarrow as pa
from headrace.lake.actions import AddFile
from headrace.lake.delta_log import ABSENT, Commit, DeltaLog
from headrace.store.memory import MemoryStore

store = MemoryStore()

def log() -> DeltaLog:
    return DeltaLog(store, "lake/t", clock=lambda: 0.0, pause=lambda seconds: None)

log().ensure(pa.schema([pa.field("x", pa.int64(), nullable=False)]))
add = AddFile("_date=2013-01-01/a", "2013-01-01", 1, 5, "{}")
log().commit(Commit((add,), {"lake/topic/0": 5}, {"lake/topic/0": ABSENT}))
log().checkpoint()
before = len(os.listdir("/proc/self/task"))
found = log().refresh().txns
print(found, len(os.listdir("/proc/self/task")) - before)
"""


def test_a_checkpoint_is_read_without_threads() -> None:
    # Given a command that has opened a table by its checkpoint
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, timeout=60, check=False)
    # Then it found what is in it, and left no thread that could abort the process at its end (docs/upstream)
    assert (done.stdout, done.stderr, done.returncode) == ("{'lake/topic/0': 5} 0\n", "", 0)
