"""What the reference pages promise to list, they list."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.cli.train import TrainingSettings
from headrace.runtime.exits import Exit
from headrace.runtime.settings import Settings
from headrace_inference.settings import InferenceSettings
from headrace_lag.settings import LagSettings, ScalingSettings
from headrace_lake.settings import LakeSettings
from pydantic_settings import BaseSettings

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_every_exit_status_is_listed() -> None:
    page = (REFERENCE / "exit-codes.md").read_text()
    assert [status.name for status in Exit if f"| {status.value} | {status.name} |" not in page] == []


@pytest.mark.parametrize(
    "settings", [Settings, LakeSettings, InferenceSettings, TrainingSettings, LagSettings, ScalingSettings]
)
def test_every_setting_is_listed(settings: type[BaseSettings]) -> None:
    page = (REFERENCE / "settings.md").read_text()
    prefix = settings.model_config["env_prefix"]
    assert [name for name in settings.model_fields if f"`{prefix}{name.upper()}`" not in page] == []
