"""One run of the campaign's pipeline: the oracle as a process of its own, and the judge's view of the suite."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from itertools import count
from pathlib import Path
from typing import Any

from headrace.local.stack import Endpoints

from rig import judgement
from rig.suite import Suite

PIPELINE = Path(__file__).with_name("pipeline.yaml")
PREDICTION = "late_delivery"
_TESTS = Path(__file__).parents[2]
_tenants = count(1)  # runs that share a stack are tenants of their own


def pipeline() -> str:
    """The campaign's pipeline file, for a tenant and a model that nobody else has."""
    number = next(_tenants)
    text = PIPELINE.read_text(encoding="utf-8").replace("model: late_delivery", f"model: late_delivery_{number}")
    return text.replace("name: campaign\n", f"name: campaign\ntenant: campaign{number}\n", 1)


def as_judge(endpoints: Endpoints) -> judgement.Endpoints:
    """The same places, as the judge takes them."""
    return judgement.Endpoints(
        endpoints.kafka, endpoints.s3, endpoints.access_key, endpoints.secret_key, endpoints.bucket
    )


class Oracle:
    """`python -m rig.oracle` as a child; nobody kills it but at the very end of a test that failed."""

    def __init__(
        self, kafka: str, prefix: str, ledger: Path, *, seed: int, rate: float, ids: int | None = None
    ) -> None:
        self.ledger = ledger
        program = [sys.executable, "-m", "rig.oracle", "--kafka", kafka, "--prefix", prefix, "--ledger", str(ledger)]
        program += ["--seed", str(seed), "--rate", str(rate), *([] if ids is None else ["--ids", str(ids)])]
        environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
        self._process = subprocess.Popen(program, stdout=subprocess.PIPE, env=environment, text=True)

    def end(self, seconds: float = 300.0) -> dict[str, Any]:
        """Tell it to stop and return what it says."""
        self._process.send_signal(signal.SIGTERM)
        return self.done(seconds)

    def done(self, seconds: float = 300.0) -> dict[str, Any]:
        """Wait until it has sent all that it was told to, and return what it says."""
        try:
            said, _ = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert self._process.returncode == 0, f"the oracle ended with {self._process.returncode}"
        found: dict[str, Any] = json.loads(said)
        return found

    def kill(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.communicate()


def metrics_of(suite: Suite) -> dict[str, list[str]]:
    """What every instance shows at /metrics, by service."""
    shown: dict[str, list[str]] = {}
    for service in suite.services.values():
        with urllib.request.urlopen(f"{service.url}/metrics", timeout=10) as answer:
            shown.setdefault(service.name, []).append(answer.read().decode())
    return shown
