"""Reports of long runs: written where the state is, kept in docs/reliability, so that each has a day of its own."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from rig.faults.figures import Report
from rig.planted.plant import ROOT

KEPT = ROOT / "docs/reliability"
WORDS = {
    "report.json": "make faults",
    "planted.json": "make planted",
    "spaced.json": "make faults KILLS=50 PACE=8",
    "soak.json": "make soak",
}
"""What makes each report."""

_DRAWN = ("schedule", "schedules")  # long, and the seed draws them again


class Missing(Exception):
    """A report that was never made; says which words make it."""


def ran() -> str:
    """The day, and the commit that is checked out, for a report: `2026-11-30 at 1e4b4fe`."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return f"{datetime.now(UTC):%Y-%m-%d} at {told or 'a copy without its history'}"


def keep(made: Path, kept: Path) -> list[Report]:
    """All reports in the order of `WORDS`; those in `made` take the place of those in `kept`. Raises Missing."""
    kept.mkdir(parents=True, exist_ok=True)
    for name in WORDS:
        if (made / name).exists():
            report = json.loads((made / name).read_text(encoding="utf-8"))
            short = {key: value for key, value in report.items() if key not in _DRAWN}
            (kept / name).write_text(json.dumps(short, indent=1) + "\n", encoding="utf-8")
    missing = [f"`{words}`" for name, words in WORDS.items() if not (kept / name).exists()]
    if missing:
        raise Missing(f"nothing is known of some runs: {', '.join(missing)} first")
    return [json.loads((kept / name).read_text(encoding="utf-8")) for name in WORDS]
