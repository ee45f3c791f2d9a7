"""What a service is told by its environment: read once, at the start, and frozen."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.contract.errors import SettingsError
from headrace.store.s3 import S3Settings

PREFIX = "HEADRACE_"

T = TypeVar("T", bound=BaseSettings)

_SERVER = re.compile(r"(?:[^\s:,@]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")


def servers(text: str) -> str:
    """Return bootstrap servers as they are; raises ValueError that says which of them is no address."""
    for server in text.split(","):
        found = _SERVER.fullmatch(server)
        if found is None or not 0 < int(found[1]) < 1 << 16:
            raise ValueError(f"{server!r} is no address: write host:port[,host:port...]")
    return text


class StoreSettings(BaseSettings):
    """Where the object store is."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    s3_endpoint: str = Field(
        pattern=r"^https?://[^\s@]+$", description="URL of the S3 server, e.g. https://s3.eu-central-1.amazonaws.com"
    )
    s3_bucket: str = Field(pattern=r"^[A-Za-z0-9._-]+$", description="the suite's bucket; it must exist")
    s3_access_key: str = Field(min_length=1, description="access key")
    s3_secret_key: SecretStr = Field(min_length=1, description="secret key")
    s3_region: str = Field("us-east-1", description="region that requests are signed for")

    @property
    def s3(self) -> S3Settings:
        """The same, as the store takes it."""
        secret = self.s3_secret_key.get_secret_value()
        return S3Settings(self.s3_endpoint, self.s3_bucket, self.s3_access_key, secret, self.s3_region)


class Settings(StoreSettings):
    """Everything a service is told; the pipeline file says the rest."""

    pipeline: Path = Field(description="the pipeline file")
    kafka: Annotated[str, AfterValidator(servers)] = Field(description="bootstrap servers, host:port[,host:port...]")
    http_host: str = Field("0.0.0.0", description="address of health and metrics")  # noqa: S104  probes come from outside the pod
    http_port: int = Field(8080, ge=0, le=65535, description="port of health and metrics")
    instance: str = Field(
        default_factory=socket.gethostname, min_length=1, description="a name that stays the same over restarts"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="least level that is logged")
    threads: int = Field(2, ge=1, le=64, description="worker threads: how many partitions compute at once")
    step_bytes: int = Field(2 << 20, ge=1024, description="bytes of input after which a step begins")
    step_rows: int = Field(20_000, ge=1, description="rows of input after which a step begins")
    queue_bytes: int = Field(4 << 20, ge=1024, description="bytes of input that may wait for one partition")
    fetch_bytes: int = Field(1 << 20, ge=1024, description="bytes of one partition in one answer of the broker")
    batch_seconds: float = Field(0.1, ge=0, description="least time between two steps of a partition, unless full")
    patience_seconds: float = Field(0.2, ge=0, description="quiet time after which ingestion says it is current")
    message_bytes: int = Field(4 << 20, ge=65_536, description="largest message that is sent")
    send_seconds: float = Field(15.0, gt=0, description="deadline of a send")
    broker_seconds: float = Field(30.0, gt=0, description="deadline of any other request to the broker")
    commit_seconds: float = Field(1.0, gt=0, description="time between two commits")
    snapshot_seconds: float = Field(10.0, gt=0, description="time between two snapshots of a partition")
    state_cache: Path | None = Field(
        None, description="a folder for copies of snapshots, on a disk that outlives restarts"
    )
    session_seconds: float = Field(30.0, ge=2, description="how long a restart may take without a rebalance")
    stuck_seconds: float = Field(30.0, gt=0, description="time without progress after which the service ends")
    drain_seconds: float = Field(20.0, gt=0, description="deadline of a stop")


def read_settings(settings: type[T]) -> T:
    """Read a settings class from the environment; raises SettingsError that names every variable at fault."""
    try:
        return settings()
    except ValidationError as error:
        problems = "; ".join(
            _problem(settings, detail["loc"], detail["msg"], detail["type"]) for detail in error.errors()
        )
        raise SettingsError(problems) from None  # the original shows the values, and one may be a secret


def _problem(settings: type[BaseSettings], place: tuple[int | str, ...], message: str, kind: str) -> str:
    name = str(place[0]) if place else "?"
    field = settings.model_fields.get(name)
    meaning = f" ({field.description})" if field is not None else ""
    said = "is not set" if kind == "missing" else f"is wrong: {message.removeprefix('Value error, ')}"
    return f"{PREFIX}{name.upper()}{meaning} {said}"
