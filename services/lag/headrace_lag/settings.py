"""What the lag service is told by its environment."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal

from headrace.runtime.settings import PREFIX, KafkaSettings
from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class LagSettings(KafkaSettings):
    """Where to look, how often, and whom to answer."""

    pipelines: Path = Field(description="folder of pipeline files (*.yaml, */*.yaml), read again when they change")
    http_host: str = Field("0.0.0.0", description="address of both ports")  # noqa: S104  probes come from outside the pod
    http_port: int = Field(8080, ge=0, le=65535, description="port of health, metrics and JSON")
    instance: str = Field(default_factory=socket.gethostname, min_length=1, description="its name in logs")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="least level that is logged")
    broker_seconds: float = Field(10.0, gt=0, description="deadline of a request to the broker")
    lag_poll_seconds: float = Field(5.0, gt=0, description="time between two looks")
    lag_stale_seconds: float = Field(20.0, gt=0, description="age from which an observation is no longer answered with")
    lag_read_bytes: int = Field(8 << 20, ge=1 << 16, description="most bytes of messages that one look reads")
    lag_namespace_prefix: str = Field("headrace-", description="a tenant's namespace is this and its name")
    lag_kubernetes: Literal["none", "pod", "kubeconfig"] = Field(
        "none", description="API server to ask: none, the one of this pod's service account, or KUBECONFIG's"
    )
    lag_api_seconds: float = Field(5.0, gt=0, description="deadline of a request to the API server")
    lag_tls: Path | None = Field(
        None, description="folder with tls.crt and tls.key; with it external.metrics.k8s.io is served"
    )
    lag_https_port: int = Field(6443, ge=0, le=65535, description="port of external.metrics.k8s.io")

    @field_validator("lag_stale_seconds")
    @classmethod
    def _longer_than_a_look(cls, value: float, said: ValidationInfo) -> float:
        if value <= said.data.get("lag_poll_seconds", 0.0):
            raise ValueError(f"{value:g} is not more than {PREFIX}LAG_POLL_SECONDS: none would be young enough")
        return value

    @field_validator("lag_tls")
    @classmethod
    def _somebody_says_who_may(cls, value: Path | None, said: ValidationInfo) -> Path | None:
        if value is not None and said.data.get("lag_kubernetes") == "none":
            raise ValueError(
                f"only an API server can say who may ask for external metrics: set {PREFIX}LAG_KUBERNETES to pod"
            )
        return value


class ScalingSettings(BaseSettings):
    """What the operator wants of the scaling (`headrace.autoscale.policy.Policy`), the same for all services."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}SCALING_", frozen=True, extra="ignore")

    minimum: int = Field(1, ge=0, description="fewest replicas; 0 lets an idle service go to sleep")
    maximum: int | None = Field(None, ge=1, description="most replicas; the number of partitions unless set")
    start_rate: dict[str, float] = Field(
        # Half of what each works alone on one core (docs/performance.md): a pod shares its node.
        default={
            "ingestion": 40_000,
            "cleaning": 200_000,
            "feature-engineering": 175_000,
            "inference": 200_000,
            "lake": 35_000,
        },
        description="rows a second of one replica until they are learned, by service, as JSON",
    )
    utilisation: float = Field(0.75, gt=0, le=1, description="part of a replica's rate that arrivals may use up")
    catch_up_seconds: float = Field(300.0, gt=0, description="time in which a backlog is to be worked off")
    restart_cost_seconds: float = Field(20.0, ge=0, description="how long a change of the count keeps rows waiting")
    dead_band: float = Field(0.1, ge=0, lt=1, description="part by which the need must change before the count does")
    scale_up_window_seconds: float = Field(
        30.0, ge=0, description="a count goes up when more was needed all through it"
    )
    scale_down_window_seconds: float = Field(300.0, ge=0, description="a count goes down to the most needed in it")
    idle_seconds: float = Field(300.0, gt=0, description="quiet time after which a service with minimum 0 sleeps")
