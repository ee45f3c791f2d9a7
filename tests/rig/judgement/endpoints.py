"""Where Kafka and the object store are."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Kafka's bootstrap servers, and the S3 server with keys and bucket."""

    kafka: str
    s3: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str
    region: str = "us-east-1"
