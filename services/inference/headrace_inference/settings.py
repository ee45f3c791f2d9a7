"""What the inference service is told besides what every service is told."""

from __future__ import annotations

from headrace.models.device import Device
from headrace.runtime.settings import PREFIX
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class InferenceSettings(BaseSettings):
    """How models are followed and run."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}MODEL_", frozen=True, extra="ignore")

    poll_seconds: float = Field(2.0, gt=0, description="time between two looks at the aliases")
    threads: int = Field(1, ge=1, le=64, description="threads of one model")
    device: Device = Field("cpu", description="what models run on: cpu, or cuda, which is a GPU and never the CPU")
