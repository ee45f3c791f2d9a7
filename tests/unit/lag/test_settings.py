"""What the lag service is told: mistakes are one line that names the variable."""

from __future__ import annotations

import os

import pytest
from headrace.contract.errors import SettingsError
from headrace.runtime.settings import read_settings
from headrace_lag.settings import LagSettings, ScalingSettings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it needs to be told, and nothing else."""
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HEADRACE_PIPELINES", "/etc/headrace/pipelines")
    monkeypatch.setenv("HEADRACE_KAFKA", "kafka:9092")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KAFKA", "kafka", "'kafka' is no address"),
        ("LAG_STALE_SECONDS", "5", "HEADRACE_LAG_STALE_SECONDS (age from which"),
        ("LAG_TLS", "/tls", "only an API server can say who may ask for external metrics"),
        ("LAG_KUBERNETES", "yes", "HEADRACE_LAG_KUBERNETES (API server to ask"),
    ],
)
def test_what_is_wrong_is_one_line(name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"HEADRACE_{name}", value)
    with pytest.raises(SettingsError) as refused:
        read_settings(LagSettings)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_start_rates_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SCALING_START_RATE", '{"inference": 500}')
    assert read_settings(ScalingSettings).start_rate == {"inference": 500.0}
