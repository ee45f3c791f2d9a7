"""The gate against thousands of mutated messages, in a process of its own with little memory."""

import os
import subprocess
import sys
from pathlib import Path

FUZZER = Path(__file__).with_name("fuzz_gate.py")
SECONDS = os.environ.get("HEADRACE_FUZZ_SECONDS", "30")
FIRST_SEED = os.environ.get("HEADRACE_FUZZ_SEED", "0")


def test_mutated_messages_are_admitted_as_sound_rows_or_refused_and_nothing_else(tmp_path: Path) -> None:
    # Given: an allocator that gives memory back, so that the limit on the address space is about what is in use
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    seeds = tmp_path / "seed"

    run = subprocess.run(
        [sys.executable, str(FUZZER), str(seeds), SECONDS, FIRST_SEED],
        env=environment,
        capture_output=True,
        text=True,
        timeout=float(SECONDS) + 60,
        check=False,
    )

    assert run.returncode == 0, (
        f"seed {seeds.read_text().strip() if seeds.exists() else 'none'} ended the fuzzer with {run.returncode}: "
        f"run {FUZZER.name} {seeds.name} 0 with that seed\n{run.stderr[-3_000:]}"
    )
    # Then: the mutations reach both sides of the gate, and what is done with other versions
    assert " admitted" in run.stdout
    assert " read by name" in run.stdout
    assert "of a version that cannot be read" in run.stdout
    assert "refused as bad_arrow" in run.stdout
    print(run.stdout)
