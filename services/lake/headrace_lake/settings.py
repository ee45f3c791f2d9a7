"""What the lake service is told besides what every service is told."""

from __future__ import annotations

from headrace.runtime.settings import PREFIX
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class LakeSettings(BaseSettings):
    """When tables are written: whatever comes first."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}LAKE_", frozen=True, extra="ignore")

    flush_seconds: float = Field(15.0, gt=0, description="time between two writes")
    flush_bytes: int = Field(64 << 20, ge=1 << 20, description="bytes of rows that may wait in memory")
