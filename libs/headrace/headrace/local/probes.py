"""What "ready" means: Kafka accepts a produce, the S3 server refuses to overwrite."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from headrace.contract.errors import StackError
from headrace.local.child import Child
from headrace.local.ports import LOOPBACK, accepts

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PROBE_TOPIC = "__headrace_probe"
_PROBE_KEY = "headrace-probe"
_READY_SECONDS = 60.0  # a cold start on a busy two-core machine takes 10
_TRY_SECONDS = 10.0
_PAUSE = 0.05
_REFUSED = (401, 403)  # these answers do not change by waiting
_TOPIC_EXISTS = 36  # Kafka's TOPIC_ALREADY_EXISTS


@dataclass(frozen=True, slots=True)
class S3Access:
    """An S3 server's URL (`http://host:port`), its keys and the suite's bucket."""

    url: str
    access_key: str
    secret_key: str
    bucket: str


def wait_for_kafka(child: Child, port: int) -> None:
    """Return once a produce with acks=all is accepted; StackError when the broker ends or is late."""
    deadline = time.monotonic() + _READY_SECONDS
    _wait_for_port(child, port, deadline)
    # A thread of its own, so that this works where the caller's thread already runs an event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        try:
            thread.submit(lambda: asyncio.run(_produce_until(deadline, child, f"{LOOPBACK}:{port}"))).result()
        except KeyboardInterrupt:
            child.kill()  # the thread would wait for it, and we for the thread
            raise


def wait_for_s3(child: Child, access: S3Access) -> None:
    """Return once the bucket exists and a second PUT with If-None-Match gets 412; StackError when that fails."""
    from botocore.exceptions import BotoCoreError, ClientError  # half a second to import: only where it is needed

    deadline = time.monotonic() + _READY_SECONDS
    _wait_for_port(child, int(access.url.rpartition(":")[2]), deadline)
    client = _client(access)
    try:
        while True:
            try:
                _conditional_put(client, access.bucket)
                return
            except (BotoCoreError, ClientError) as error:
                if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] in _REFUSED:
                    raise StackError(f"the S3 server at {access.url} refuses the stack's keys: {error}") from error
                _give_up_or_wait(child, deadline, f"the S3 server answers {error}")
    finally:
        client.close()


def _wait_for_port(child: Child, port: int, deadline: float) -> None:
    while not accepts(port):
        _give_up_or_wait(child, deadline, f"it does not listen on {LOOPBACK}:{port}")


def _give_up_or_wait(child: Child, deadline: float, what: str) -> None:
    if not child.alive:
        raise child.died()
    if time.monotonic() > deadline:
        raise StackError(f"{child.name} is not ready after {_READY_SECONDS:.0f} s: {what}; see its log {child.log}")
    time.sleep(_PAUSE)


async def _produce_until(deadline: float, child: Child, address: str) -> None:
    with _quiet("aiokafka"):
        while True:
            try:
                async with asyncio.timeout(_TRY_SECONDS):
                    await _produce(address)
                return
            except (KafkaError, OSError) as error:  # TimeoutError is an OSError
                await asyncio.to_thread(_give_up_or_wait, child, deadline, f"a produce ends in {error!r}")


async def _produce(address: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        topic = NewTopic(PROBE_TOPIC, 1, 1, topic_configs={"retention.ms": "3600000"})
        answer = await admin.create_topics([topic])
        code = answer.topic_errors[0][1]
        if code not in (0, _TOPIC_EXISTS):
            raise KafkaError(f"creating {PROBE_TOPIC} answers error {code}")
    finally:
        await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(PROBE_TOPIC, b"ready?")
    finally:
        await producer.stop()


def not_ready(url: str) -> str | None:
    """Why the service at this URL is not ready, in its own words; None when it says it is."""
    try:
        with urlopen(f"{url}/readyz", timeout=2.0):  # noqa: S310  a URL of our own making
            return None
    except HTTPError as error:
        with error:
            return error.read().decode(errors="replace").strip() or f"it answers {error.code}"
    except (OSError, HTTPException):  # refused, reset, late, or ended in the middle of its answer
        return "it does not answer"


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Silence a library's log for as long as its failures are expected and reported by us."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _client(access: S3Access) -> S3Client:
    import boto3
    from botocore.config import Config

    config = Config(
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        retries={"total_max_attempts": 1},
        connect_timeout=_TRY_SECONDS,
        read_timeout=_TRY_SECONDS,
    )
    return boto3.client(
        "s3",
        endpoint_url=access.url,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        region_name="us-east-1",
        config=config,
    )


def _conditional_put(client: S3Client, bucket: str) -> None:
    from botocore.exceptions import ClientError

    if bucket not in [found["Name"] for found in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=bucket)
    client.delete_object(Bucket=bucket, Key=_PROBE_KEY)
    client.put_object(Bucket=bucket, Key=_PROBE_KEY, Body=b"1", IfNoneMatch="*")
    try:
        client.put_object(Bucket=bucket, Key=_PROBE_KEY, Body=b"2", IfNoneMatch="*")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
            raise
    else:
        raise StackError("the S3 server lets a second writer overwrite an object (If-None-Match is ignored)")
    finally:
        client.delete_object(Bucket=bucket, Key=_PROBE_KEY)
