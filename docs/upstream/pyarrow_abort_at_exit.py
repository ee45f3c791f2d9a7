"""How often a process aborts at its end because it has read a small Parquet file with `read_table`: some in a hundred.

`python docs/upstream/pyarrow_abort_at_exit.py`; it takes a minute or two, and finds more on a busy machine.
"""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

RUNS, AT_ONCE = 100, 4

WAYS = {
    "read_table": "pq.read_table(pa.BufferReader(body), partitioning=None)",
    "ParquetFile": "pq.ParquetFile(pa.BufferReader(body), pre_buffer=False).read(use_threads=False)",
}


def file() -> bytes:
    """A file of a dozen columns."""
    sink = io.BytesIO()
    pq.write_table(pa.table({f"c{number}": list(range(50)) for number in range(12)}), sink)
    return sink.getvalue()


def aborted(program: list[str], body: bytes) -> bool:
    """Whether it ended so."""
    done = subprocess.run(program, input=body, capture_output=True, check=False)  # noqa: S603  our own words
    return done.returncode == -signal.SIGABRT


def main() -> None:
    """Count the aborts of each way to read."""
    start = "import sys, pyarrow as pa, pyarrow.parquet as pq; body = sys.stdin.buffer.read(); "
    body = file()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, read in WAYS.items():
            program = [sys.executable, "-c", start + "; ".join([read] * 3)]
            aborts = sum(pool.map(aborted, [program] * RUNS, [body] * RUNS))
            print(f"{name}: {aborts} of {RUNS} processes ended by SIGABRT after their work")  # noqa: T201  its purpose


if __name__ == "__main__":
    main()
