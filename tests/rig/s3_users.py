"""Users at the embedded S3 server, and a bucket policy for them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from headrace.local.gateway_build import gateway_ready
from headrace.local.places import cache_folder
from headrace.local.stack import Stack
from headrace.store.s3 import S3Settings, S3Store


@dataclass(frozen=True, slots=True)
class S3User:
    """A user and its secret."""

    name: str
    secret: str


@contextmanager
def s3_users(
    stack: Stack, users: Sequence[S3User], policies: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, S3Settings]]:
    """How each user comes in; all of them are under these policies, taken together, until exit."""
    admin = stack.endpoints.store
    for user in users:
        _administer(admin, "create-user", "--access", user.name, "--secret", user.secret, "--role", "user")
    store, bucket = S3Store(admin), admin.bucket
    whole = {"Version": policies[0]["Version"], "Statement": [rule for each in policies for rule in each["Statement"]]}
    store.once(
        lambda client: client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(whole)), "policy", "", writes=True
    )
    try:
        yield {user.name: replace(admin, access_key=user.name, secret_key=user.secret) for user in users}
    finally:
        store.once(lambda client: client.delete_bucket_policy(Bucket=bucket), "policy", "", writes=True)
        for user in users:
            _administer(admin, "delete-user", "--access", user.name)


def _administer(admin: S3Settings, *command: str) -> None:
    program = gateway_ready(cache_folder(), print)
    subprocess.run(
        [str(program), "admin", "--endpoint-url", admin.endpoint, *command],
        env={
            **os.environ,
            "ADMIN_ACCESS_KEY_ID": str(admin.access_key),
            "ADMIN_SECRET_ACCESS_KEY": str(admin.secret_key),
        },
        check=True,
        capture_output=True,
        timeout=60,
    )
