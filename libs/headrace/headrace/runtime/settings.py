"""What a service is told by its environment: read once, at the start, and frozen."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, FilePath, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.contract.errors import SettingsError
from headrace.runtime.kafka_access import KafkaAccess, Mechanism, Security
from headrace.runtime.setting_rules import NeededFor, NotWith, Together
from headrace.store.cloud import AzureSettings, GcsSettings
from headrace.store.s3 import S3Settings

PREFIX = "HEADRACE_"
SECRETS = f"{PREFIX}SECRETS"
"""Names the variable that names a folder of files, each of them one setting (`headrace_s3_secret_key`)."""

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
    """Where the object store is, and who we are there."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    store: Literal["s3", "gcs", "azure"] = Field("s3", description="s3 (any compatible service), gcs or azure")
    s3_endpoint: Annotated[str | None, NeededFor("store", "s3")] = Field(
        None,
        pattern=r"^https?://[^\s@]+$",
        description="URL of the S3 server, e.g. https://s3.eu-central-1.amazonaws.com",
    )
    s3_bucket: Annotated[str | None, NeededFor("store", "s3")] = Field(
        None, pattern=r"^[A-Za-z0-9._-]+$", description="the suite's bucket; it must exist"
    )
    s3_access_key: str | None = Field(
        None, min_length=1, description="access key; without keys: what the machine or the pod is given by its cloud"
    )
    s3_secret_key: Annotated[SecretStr | None, Together("s3_access_key")] = Field(
        None, min_length=1, description="secret key"
    )
    s3_region: str = Field("us-east-1", description="region that requests are signed for")
    gcs_bucket: Annotated[str | None, NeededFor("store", "gcs")] = Field(
        None, pattern=r"^[a-z0-9._-]+$", description="the suite's bucket in Google Cloud Storage; it must exist"
    )
    gcs_endpoint: str | None = Field(
        None, pattern=r"^https?://[^\s@]+$", description="URL of an emulator, which is asked without credentials"
    )
    azure_account: Annotated[str | None, NeededFor("store", "azure")] = Field(
        None, pattern=r"^[a-z0-9]+$", description="the storage account of Azure Blob"
    )
    azure_container: Annotated[str | None, NeededFor("store", "azure")] = Field(
        None, pattern=r"^[a-z0-9-]+$", description="the suite's container; it must exist"
    )
    azure_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s@]+$",
        description="URL of the account where it is not https://<account>.blob.core.windows.net",
    )
    azure_key: SecretStr | None = Field(
        None, min_length=1, description="the account's key; without one: the pod's workload identity"
    )

    @property
    def object_store(self) -> S3Settings | GcsSettings | AzureSettings:
        """The same, as `open_store` takes it."""
        match self.store:
            case "gcs":
                return GcsSettings(str(self.gcs_bucket), self.gcs_endpoint)
            case "azure":
                key = _secret(self.azure_key)
                return AzureSettings(str(self.azure_account), str(self.azure_container), self.azure_endpoint, key)
        return S3Settings(
            str(self.s3_endpoint),
            str(self.s3_bucket),
            self.s3_access_key,
            _secret(self.s3_secret_key),
            self.s3_region,
        )


class KafkaSecurity(BaseSettings):
    """How to come in at Kafka. Certificates are read once, at the start: a new one needs a restart."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    kafka_security: Security = Field("plaintext", description="plaintext, tls or sasl_tls (user and password over TLS)")
    kafka_ca_file: Annotated[FilePath | None, NotWith("kafka_security", "plaintext")] = Field(
        None, description="PEM file of the CAs that the brokers' certificates are trusted by; else the machine's"
    )
    kafka_cert_file: Annotated[FilePath | None, NotWith("kafka_security", "plaintext")] = Field(
        None, description="PEM file of our own certificate, for mutual TLS"
    )
    kafka_key_file: Annotated[FilePath | None, Together("kafka_cert_file")] = Field(
        None, description="PEM file of its key, not encrypted"
    )
    kafka_sasl_mechanism: Mechanism = Field("SCRAM-SHA-512", description="SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN")
    kafka_user: Annotated[str | None, NeededFor("kafka_security", "sasl_tls")] = Field(
        None, min_length=1, description="user"
    )
    kafka_password: Annotated[SecretStr | None, NeededFor("kafka_security", "sasl_tls")] = Field(
        None, min_length=1, description="password"
    )

    def access_to(self, servers: str) -> KafkaAccess:
        """The same for these bootstrap servers, as clients take it."""
        return KafkaAccess(
            servers,
            self.kafka_security,
            self.kafka_ca_file,
            self.kafka_cert_file,
            self.kafka_key_file,
            self.kafka_sasl_mechanism,
            self.kafka_user,
            _secret(self.kafka_password),
        )


class KafkaSettings(KafkaSecurity):
    """Where Kafka is, and how to come in."""

    kafka: Annotated[str, AfterValidator(servers)] = Field(description="bootstrap servers, host:port[,host:port...]")

    @property
    def kafka_access(self) -> KafkaAccess:
        """The same, as clients take it."""
        return self.access_to(self.kafka)


class Settings(StoreSettings, KafkaSettings):
    """Everything a service is told; the pipeline file says the rest."""

    pipeline: Path = Field(description="the pipeline file")
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
    start_seconds: float = Field(30.0, ge=0, description="how long a start waits for Kafka, the topics and the store")
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
    """Read a settings class from the environment, and what that does not say from the folder of `HEADRACE_SECRETS`.

    Raises SettingsError that names every variable at fault.
    """
    try:
        return settings(_secrets_dir=secrets_folder())
    except ValidationError as error:
        problems = "; ".join(
            _problem(settings, detail["loc"], detail["msg"], detail["type"]) for detail in error.errors()
        )
        raise SettingsError(problems) from None  # the original shows the values, and one may be a secret


def secrets_folder() -> Path | None:
    """The folder that holds settings as files, where one is named; raises SettingsError when it is not there."""
    named = os.environ.get(SECRETS)
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise SettingsError(f"{SECRETS}: {folder} is no folder; mount the secret there, or unset the variable")
    return folder


def _problem(settings: type[BaseSettings], place: tuple[int | str, ...], message: str, kind: str) -> str:
    name = str(place[0]) if place else "?"
    field = settings.model_fields.get(name)
    meaning = f" ({field.description})" if field is not None else ""
    said = "is not set" if kind == "missing" else f"is wrong: {message.removeprefix('Value error, ')}"
    return f"{PREFIX}{name.upper()}{meaning} {said}"


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()
