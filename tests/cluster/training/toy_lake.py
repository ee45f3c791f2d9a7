"""Runs in a pod of the image headrace-cli: `fill` writes a lake that can be learnt from, `show` prints the registry."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import numpy as np
import pyarrow as pa
from headrace.contract.identity import STREAM, TIME
from headrace.contract.pipeline import Hop
from headrace.contract.plan import Plan
from headrace.lake.sink import Sink
from headrace.lake.tables import Table, find_table
from headrace.models.registry import Registry
from headrace.runtime.pipeline_file import read_plan
from headrace.runtime.settings import StoreSettings, read_settings
from headrace.store.object_store import ObjectStore
from headrace.store.opening import open_store
from headrace.store.s3 import S3Settings
from headrace.wire.headers import Progress

ROWS = 2000
START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(plan: Plan) -> None:
    """Write requests with features and their labels, as the lake service does."""
    settings = read_settings(StoreSettings).object_store
    assert isinstance(settings, S3Settings)
    boto3.client(
        "s3",
        endpoint_url=settings.endpoint,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        region_name=settings.region,
    ).create_bucket(Bucket=settings.bucket)
    store = open_store(settings)
    dice = np.random.default_rng(3)
    a = dice.normal(size=ROWS).astype(np.float32)
    good = a + dice.normal(scale=0.5, size=ROWS) > 0
    ids = [str(number) for number in range(ROWS)]
    asked = [START + timedelta(seconds=number) for number in range(ROWS)]
    told = [time + timedelta(hours=1) for time in asked]
    write(store, find_table(plan, Hop.FEATURES, "is_good"), {"id": ids, "at": asked, "a": a})
    own = {"id": ids, "told": told, TIME: told, "good": good, STREAM: ["answers"] * ROWS}
    write(store, find_table(plan, Hop.CLEANED, "answers"), own)


def write(store: ObjectStore, table: Table, values: dict[str, object]) -> None:
    """One message of the table's topic, in one commit; columns without a value are zeros, or null."""
    columns = []
    for field in table.read_schema:
        if field.name in values:
            columns.append(pa.array(values[field.name]).cast(field.type))
        elif field.nullable:
            columns.append(pa.nulls(ROWS, field.type))
        else:
            columns.append(pa.array(np.arange(ROWS)).cast(field.type))
    sink = Sink(store, table, "toy")
    sink.open([0])
    sink.add(0, 0, pa.Table.from_arrays(columns, schema=table.read_schema), Progress(None, behind=False))
    sink.reached(0, 1, {})
    print(f"{table.root}: {sink.flush()} rows")


def show(plan: Plan) -> None:
    """Print the version that each alias names, and the version's AUC."""
    registry = Registry(open_store(read_settings(StoreSettings).object_store), plan.pipeline.tenant)
    for alias in ("champion", "challenger"):
        number = registry.resolve("is_good", alias)
        auc = registry.load("is_good", number).manifest.metrics["auc"] if number is not None else None
        print(alias, number, auc)


{"fill": fill, "show": show}[sys.argv[1]](read_plan(Path("/etc/headrace/pipeline.yaml")))
