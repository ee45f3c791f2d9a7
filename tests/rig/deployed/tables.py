"""The flights' tables in the lake of a deployed suite, for programs with the cluster's network."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError


def rows(table: str, columns: Sequence[str]) -> pa.Table:
    """Some columns of a table; no rows, of text, where there is no table yet.

    Who has called this ends by `os._exit`: threads of the libraries abort an interpreter that ends (docs/upstream).
    """
    options = {
        "AWS_ENDPOINT_URL": os.environ["HEADRACE_S3_ENDPOINT"],
        "AWS_ACCESS_KEY_ID": os.environ["HEADRACE_S3_ACCESS_KEY"],
        "AWS_SECRET_ACCESS_KEY": os.environ["HEADRACE_S3_SECRET_KEY"],
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    place = f"s3://{os.environ['HEADRACE_S3_BUCKET']}/lake/default/flights/{table}"
    try:
        return DeltaTable(place, storage_options=options).to_pyarrow_table(columns=[*columns])
    except TableNotFoundError:
        return pa.table({name: pa.array([], pa.string()) for name in columns})
