"""What the broker says of a topic: its id, which a recreated topic does not share, and its partitions.

aiokafka speaks Metadata up to version 5; ids came with version 10 (KIP-516), so version 12 is spelled out here.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

from headrace.contract.errors import BrokerUnavailable, TopicsMissing
from headrace.runtime.kafka_failures import translate

_METADATA = 3  # the API key
_VERSION = 12
_NO_ID = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it exists: the id is its 32 hex characters."""

    id: str
    partitions: int


class _Uuid(AbstractType[uuid.UUID]):
    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


_PARTITION = (
    ("error", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline", CompactArray(Int32)),
    ("tags", TaggedFields),
)


class _MetadataResponse(Response):
    API_KEY = _METADATA
    API_VERSION = _VERSION
    SCHEMA = Schema(
        ("throttle", Int32),
        (
            "brokers",
            CompactArray(
                ("node", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster", CompactString("utf-8")),
        ("controller", Int32),
        (
            "topics",
            CompactArray(
                ("error", Int16),
                ("name", CompactString("utf-8")),
                ("id", _Uuid),
                ("internal", Boolean),
                ("partitions", CompactArray(*_PARTITION)),
                ("operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _MetadataRequestStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = _METADATA
    API_VERSION = _VERSION
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("create", Boolean),
        ("operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataRequestStruct]):
    API_KEY = _METADATA

    def __init__(self, names: Collection[str]) -> None:
        self._names = sorted(names)

    def build(self, request_struct_class: type[_MetadataRequestStruct]) -> _MetadataRequestStruct:
        return request_struct_class([(_NO_ID, name, {}) for name in self._names], False, False, {})


async def describe(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, Topic]:
    """The topics of these names, as the broker has them now.

    Raises TopicsMissing that lists those that do not exist, BrokerRefused that lists those that we may not see,
    BrokerUnavailable for any other answer.
    """
    answer = await admin._send_request(_MetadataRequest(names))  # the one way to send a request of our own
    found: dict[str, Topic] = {}
    missing: list[str] = []
    forbidden: list[str] = []
    for error, name, id_, _, partitions, *_ in answer.topics:
        if error == 3:  # UNKNOWN_TOPIC_OR_PARTITION
            missing.append(name)
        elif error == TopicAuthorizationFailedError.errno:
            forbidden.append(name)
        elif error:
            raise BrokerUnavailable(f"the broker answers error {error} for the topic {name}")
        else:
            found[name] = Topic(id_.hex, len(partitions))
    if forbidden:
        raise translate(TopicAuthorizationFailedError(forbidden), "topics")
    if missing:
        raise TopicsMissing(f"these topics do not exist: {', '.join(missing)}; `headrace apply` creates them")
    return found
