"""The lake as a reader of Delta tables finds it."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from deltalake import DeltaTable

from rig.judge import Identity
from rig.suite import Suite


def table_rows(suite: Suite, table: str, columns: list[str]) -> pa.Table:
    """Some columns of a table, named as in cleaned/departures."""
    place = suite.endpoints
    pipeline = suite.plan.pipeline
    delta = DeltaTable(
        f"s3://{place.bucket}/lake/{pipeline.tenant}/{pipeline.name}/{table}",
        storage_options={
            "AWS_ENDPOINT_URL": place.s3,
            "AWS_ACCESS_KEY_ID": place.access_key,
            "AWS_SECRET_ACCESS_KEY": place.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        },
    )
    return delta.to_pyarrow_table(columns=columns)


def lake_rows(suite: Suite, table: str) -> Counter[Identity]:
    """The identities in a table."""
    rows = table_rows(suite, table, ["_partition", "_offset", "_row"])
    return Counter(zip(*(column.to_pylist() for column in rows.columns), strict=True))
