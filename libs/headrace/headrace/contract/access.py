"""What a tenant may do, and nothing else: access rules of Kafka, and a bucket policy of S3, as data.

A tenant's topics and consumer groups begin with `<tenant>.`, its objects with one of a few prefixes. The full stop and
the slash belong to the prefix, or `blue` would own what is `bluebird`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

STAGES = ("ingestion", "cleaning", "feature_engineering", "inference")
"""The services that keep snapshots of their state."""


class Resource(StrEnum):
    """What a rule is about."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTION = "transactional-id"


class Operation(StrEnum):
    """What it allows; READ and WRITE allow DESCRIBE too."""

    READ = "read"
    WRITE = "write"
    CREATE = "create"
    DESCRIBE = "describe"


@dataclass(frozen=True, slots=True)
class Acl:
    """One operation on everything of a kind whose name begins with `prefix`."""

    resource: Resource
    prefix: str
    operation: Operation


def tenant_acls(tenant: str) -> tuple[Acl, ...]:
    """All that the services and jobs of a tenant need of Kafka.

    Not among them: DELETE and ALTER (whoever deletes a tenant's data is not its services), and anything on the cluster:
    idempotent writes need WRITE on a topic only (KIP-679).
    """
    return (
        Acl(Resource.TOPIC, f"{tenant}.", Operation.READ),
        Acl(Resource.TOPIC, f"{tenant}.", Operation.WRITE),
        Acl(Resource.TOPIC, f"{tenant}.", Operation.CREATE),
        Acl(Resource.GROUP, f"{tenant}.", Operation.READ),
        Acl(Resource.TRANSACTION, f"{tenant}.", Operation.WRITE),  # `headrace quarantine redrive`
    )


def onlooker_acls(tenant: str) -> tuple[Acl, ...]:
    """All that the lag service needs to see how far a tenant's services are behind; it changes nothing."""
    return (
        Acl(Resource.TOPIC, f"{tenant}.", Operation.READ),
        Acl(Resource.GROUP, f"{tenant}.", Operation.DESCRIBE),
    )


def tenant_prefixes(tenant: str) -> tuple[str, ...]:
    """What a tenant's keys in the object store begin with.

    The stages are named one by one: `snapshots/*/blue.` would also be a place among another tenant's snapshots.
    """
    return (
        f"lake/{tenant}/",
        f"models/{tenant}/",
        f"topics/{tenant}/",
        *(f"snapshots/{stage}/{tenant}." for stage in STAGES),
    )


def tenant_policy(tenant: str, bucket: str, principal: str) -> dict[str, Any]:
    """A bucket policy by which `principal` reaches a tenant's objects and no others.

    The `Statement` of several tenants' policies can be put together in one.
    """
    prefixes = [f"{prefix}*" for prefix in tenant_prefixes(tenant)]
    who = {"AWS": [principal]}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": who,
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
                "Resource": [f"arn:aws:s3:::{bucket}/{prefix}" for prefix in prefixes],
            },
            {
                "Effect": "Allow",
                "Principal": who,
                "Action": ["s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{bucket}"],
                "Condition": {"StringLike": {"s3:prefix": prefixes}},
            },
        ],
    }
