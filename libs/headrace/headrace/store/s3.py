"""An ObjectStore over any S3-compatible service, through boto3 with every automatic retry switched off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from headrace.contract.errors import NotFound
from headrace.store.object_store import Entry, Object
from headrace.store.repetition import Repetition
from headrace.store.s3_failures import translate

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Where the bucket is and who we are there; the secret never shows in a repr. Timeouts and pauses in seconds."""

    endpoint: str  # e.g. http://127.0.0.1:7070
    bucket: str
    access_key: str | None = None  # None: boto3's chain of credentials (web identity of a pod, profile of a machine)
    secret_key: str | None = field(default=None, repr=False)
    region: str = "us-east-1"
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    attempts: int = 5  # of calls that may be repeated: reads, listings, deletes, unconditional writes
    first_pause: float = 0.1  # before the second attempt; doubles each time
    connections: int = 16


class S3Store:
    """One bucket of an S3-compatible service. Safe to share between threads."""

    def __init__(self, settings: S3Settings, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.settings = settings
        self._repetition = Repetition(settings.attempts, settings.first_pause, pause)
        self._client = _client(settings)

    def get(self, key: str) -> Object:
        def call(client: S3Client) -> Object:
            answer = client.get_object(Bucket=self.settings.bucket, Key=key)
            return Object(answer["Body"].read(), answer["ETag"])

        return self._repeat(call, "GET", key, writes=False)

    def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        if if_none_match and if_match is not None:
            raise ValueError("if_none_match and if_match exclude each other")
        bucket = self.settings.bucket
        if if_none_match:
            return self.once(
                lambda client: client.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")["ETag"],
                "PUT (If-None-Match)",
                key,
                writes=True,
            )
        if if_match is not None:
            return self.once(
                lambda client: client.put_object(Bucket=bucket, Key=key, Body=body, IfMatch=if_match)["ETag"],
                "PUT (If-Match)",
                key,
                writes=True,
            )
        return self._repeat(
            lambda client: client.put_object(Bucket=bucket, Key=key, Body=body)["ETag"], "PUT", key, writes=True
        )

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Entry]:
        after = start_after
        while True:
            page = self._page(prefix, after)
            for found in page.get("Contents", []):
                after = found["Key"]
                yield Entry(after, found["Size"], found["ETag"], found["LastModified"])
            if not page.get("IsTruncated") or not page.get("Contents"):
                return

    def delete(self, key: str) -> None:
        try:
            self._repeat(
                lambda client: client.delete_object(Bucket=self.settings.bucket, Key=key), "DELETE", key, writes=True
            )
        except NotFound:
            return  # AWS answers 204 here, some compatible servers 404

    def once(self, call: Callable[[S3Client], T], verb: str, key: str, *, writes: bool) -> T:
        """Make one boto3 call without any repetition; its failures become the errors of the tree."""
        try:
            return call(self._client)
        except (ClientError, BotoCoreError, HTTPClientError) as error:
            where = f"{verb} {key} in bucket {self.settings.bucket} at {self.settings.endpoint}"
            raise translate(error, where, writes=writes) from error

    def _page(self, prefix: str, after: str) -> ListObjectsV2OutputTypeDef:
        # Paged by the last key seen rather than by continuation token: a key is good for ever, tokens differ by server.
        return self._repeat(
            lambda client: client.list_objects_v2(Bucket=self.settings.bucket, Prefix=prefix, StartAfter=after),
            "LIST",
            prefix,
            writes=False,
        )

    def _repeat(self, call: Callable[[S3Client], T], verb: str, key: str, *, writes: bool) -> T:
        return self._repetition.of(lambda: self.once(call, verb, key, writes=writes))


def _client(settings: S3Settings) -> S3Client:
    return boto3.session.Session().client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        config=Config(
            s3={"addressing_style": "path"},
            # Compatible servers differ in which of the newer default checksums they know.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            max_pool_connections=settings.connections,
        ),
    )
