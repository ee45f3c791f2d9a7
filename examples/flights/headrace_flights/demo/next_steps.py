"""What to try after the demo: lines that can be pasted into a terminal as they are."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.lake.tables import find_table
from headrace.local.stack import BUCKET

from headrace_flights.demo.figures import PREDICTION


def next_steps(plan: Plan, stack: Path, file: Path) -> list[tuple[str, str]]:
    """(what it shows, what to paste). The demo's stack has ended by then; the folder `stack` keeps its data."""
    python, headrace = (shlex.quote(str(Path(sys.executable).with_name(name))) for name in ("python", "headrace"))
    # The local S3 server keeps objects as plain files, so a reader of Delta tables needs no server at all.
    table = stack / "s3" / "objects" / BUCKET / find_table(plan, Hop.PREDICTIONS, PREDICTION).root
    query = (
        f"import polars as pl; print(pl.scan_delta({json.dumps(str(table))})"
        '.select("flight_id", "off_block", "dep_delay", "score").sort("score", descending=True).head(10).collect())'
    )
    there = f"export HEADRACE_STATE={shlex.quote(str(stack))} HEADRACE_PIPELINE={shlex.quote(str(file))}"
    return [
        ("Query the lake from Polars: the ten highest scores. Nothing has to run", f"{python} -c {shlex.quote(query)}"),
        ("Bring Kafka and S3 up again, with the demo's data; Ctrl-C ends them", f"{there}\n{headrace} local up"),
        ("Meanwhile, in a second terminal: look at quarantine", f"{there}\n{headrace} quarantine show"),
        ("Tail predictions, there too", f"{headrace} tail predictions --from start --limit 10"),
    ]
