"""Everything the stack runs from, found, fetched or built, and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headrace.local.gateway_build import gateway_ready
from headrace.local.jars import jars_ready
from headrace.local.java import java_ready
from headrace.local.kafka import KafkaProgram
from headrace.local.lock import one_at_a_time
from headrace.local.places import make_folder


@dataclass(frozen=True, slots=True)
class Programs:
    """What Kafka runs from, and the S3 server's program."""

    kafka: KafkaProgram
    s3: Path


def provision(cache: Path, say: Callable[[str], None]) -> Programs:
    """Find, fetch or build what the stack runs from; quick and offline once the cache has it. Raises StackError."""
    make_folder(cache)
    with one_at_a_time(cache, say):
        return Programs(KafkaProgram(java_ready(cache, say), jars_ready(cache, say)), gateway_ready(cache, say))
