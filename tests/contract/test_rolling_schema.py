"""A pipeline file changes under running services, one service at a time, whoever comes first: nothing is lost."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from confluent_kafka import Producer
from headrace.contract.pipeline import Hop
from headrace.lake.read import Lake
from headrace.lake.tables import find_table
from headrace.local.stack import Stack
from headrace.runtime.exits import Exit
from headrace.store.s3 import S3Store
from rig.judge import ends
from rig.suite import Suite

FILE = """\
headrace: 1
name: {name}
partitions: 2
streams:
  orders:
    event_time: at
    columns:
      id: string
      at: timestamp
      shop: string
      amount: {amount}
      {column}
features:
  by_shop:
    from: orders
    key: [shop]
    hop: 1m
    windows: [1h]
    values: {{amount: [{aggregates}]}}
predictions:
  fraud:
    on: orders
    key: id
    inputs: [{inputs}]
    features: [by_shop]
    model: fraud
"""
SERVICES = ("ingestion", "cleaning", "feature_engineering", "lake")
QUICK = {"HEADRACE_LAKE_FLUSH_SECONDS": "0.5"}
_START = datetime(2025, 1, 1, tzinfo=UTC)
TABLES = ((Hop.INGESTED, "orders"), (Hop.CLEANED, "orders"), (Hop.FEATURES, "fraud"))


def before(prefix: str) -> str:
    return _file(prefix, column="colour: {type: string, nullable: true}", inputs="amount")


def after(prefix: str) -> str:
    """One column is gone, and one is new: kept by the lake, carried by the log, an input of the model."""
    return _file(prefix, column="tip: {type: float32, nullable: true}", inputs="amount, tip")


def _file(prefix: str, *, column: str, inputs: str, amount: str = "float32", aggregates: str = "sum") -> str:
    name = f"p{sha256(prefix.encode()).hexdigest()[:12]}"
    return FILE.format(name=name, column=column, inputs=inputs, amount=amount, aggregates=aggregates)


def send(suite: Suite, first: int, count: int, every: int = 1) -> None:
    """Orders with everything that any version of the file asks for, one in so many seconds."""
    producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "acks": "all"})
    for number in range(first, first + count):
        at = timedelta(seconds=number * every)
        row = {
            "id": f"o{number}",
            "at": f"{_START + at:%Y-%m-%dT%H:%M:%SZ}",
            "shop": f"s{number % 3}",
            "amount": 1.5,
            "tip": 0.5,
            "colour": "red",
        }
        producer.produce(suite.plan.topics.raw("orders"), json.dumps(row), partition=number % 2)
    assert producer.flush(30) == 0


def column(suite: Suite, hop: Hop, table: str, name: str) -> dict[str, object]:
    """A column of a table of the lake by the order's id, which must be there once; empty where there is no table."""
    found = find_table(suite.plan, hop, table)
    if not list(S3Store(suite.endpoints.store).list(f"{found.root}/_delta_log/")):
        return {}
    rows = Lake(suite.endpoints.store).scan(found)[0].select(pl.col("id").alias("key"), name).collect().rows()
    assert max(Counter(key for key, _ in rows).values(), default=0) <= 1, f"doubled in {found.root}"
    return dict(rows)


def everywhere(suite: Suite, count: int) -> bool:
    return all(len(column(suite, hop, table, "id")) == count for hop, table in TABLES)


def quarantined(suite: Suite) -> int:
    return sum(ends(suite.endpoints.kafka, suite.plan.topics.quarantine).values())


@pytest.mark.parametrize("order", [SERVICES, SERVICES[::-1]], ids=["writers first", "readers first"])
def test_services_of_two_versions_work_side_by_side(
    order: tuple[str, ...], stack: Stack, prefix: str, tmp_path: Path
) -> None:
    with Suite(before(prefix), stack.endpoints, tmp_path, services=SERVICES, settings=QUICK) as suite:
        # Given orders that went through all services of one version
        send(suite, 0, 20)
        suite.until(lambda: everywhere(suite, 20), "the first orders are everywhere")
        # When the services go over to the next one by one, orders between each two
        suite.file.write_text(after(prefix))
        for number, service in enumerate(order, start=1):
            assert suite.services[service].stop() == 0
            send(suite, 20 * number, 20)
            suite.services[service].start()
            suite.services[service].wait_ready()
        suite.until(lambda: everywhere(suite, 100), "the orders of the change are everywhere")
        send(suite, 100, 20)
        # Then each order is in every table once, none was rejected
        suite.until(lambda: everywhere(suite, 120), "all orders are everywhere")
        assert quarantined(suite) == 0
        # And what is new is null in what an older version handled, and there in what came after
        for hop, table in TABLES:
            tips = column(suite, hop, table, "tip")
            assert {tips[f"o{number}"] for number in range(20)} == {None}, hop
            assert {tips[f"o{number}"] for number in range(100, 120)} == {0.5}, hop


def test_a_view_that_changes_is_folded_over_the_orders_of_before(stack: Stack, prefix: str, tmp_path: Path) -> None:
    with Suite(before(prefix), stack.endpoints, tmp_path, services=SERVICES, settings=QUICK) as suite:
        # Given orders that went through all services
        send(suite, 0, 40, every=30)
        suite.until(lambda: everywhere(suite, 40), "the first orders are everywhere")
        # When two services go over to a file with another aggregate
        colour = "colour: {type: string, nullable: true}"
        suite.file.write_text(_file(prefix, column=colour, inputs="amount", aggregates="sum, count"))
        for service in ("feature_engineering", "lake"):
            assert suite.services[service].stop() == 0
            suite.services[service].start()
            suite.services[service].wait_ready()
        send(suite, 40, 20, every=30)
        # Then it counts the orders of before for those that come after, and those of before are not sent again
        suite.until(lambda: everywhere(suite, 60), "all orders are everywhere")
        counts = column(suite, Hop.FEATURES, "fraud", "by_shop__amount__count__1h")
        assert {counts[f"o{number}"] for number in range(40)} == {None}
        for number in range(40, 60):
            known = counts[f"o{number}"]
            assert isinstance(known, int)
            assert _of_its_shop(number, 40) <= known <= _of_its_shop(number, number)
        assert quarantined(suite) == 0


def _of_its_shop(number: int, before: int) -> int:
    return sum(earlier % 3 == number % 3 for earlier in range(before))


def test_a_version_that_cannot_read_the_log_stops_and_nothing_is_skipped(
    stack: Stack, prefix: str, tmp_path: Path
) -> None:
    with Suite(before(prefix), stack.endpoints, tmp_path, services=SERVICES, settings=QUICK) as suite:
        # Given orders that cleaning has still to read
        cleaning = suite.services.pop("cleaning")
        assert cleaning.stop() == 0
        send(suite, 0, 20)
        suite.until(lambda: len(column(suite, Hop.INGESTED, "orders", "id")) == 20, "the orders are ingested")
        # When it comes with a file in which a column has another type
        changed = _file(prefix, column="colour: {type: string, nullable: true}", inputs="amount", amount="float64")
        suite.file.write_text(changed)
        cleaning.start()
        # Then it ends, and says which column and what to do
        suite.until(lambda: not cleaning.child.alive, "cleaning ends")
        assert cleaning.child.wait(10) == Exit.SCHEMA
        last = cleaning.child.log.read_text().splitlines()[-1]
        for said in (suite.plan.topics.ingested("orders"), "column amount is float there and double here", "Deploy"):
            assert said in last
        # And with the file as it was it goes on from there
        suite.file.write_text(before(prefix))
        suite.services["cleaning"] = cleaning
        cleaning.start()
        suite.until(lambda: everywhere(suite, 20), "all orders are everywhere")
        assert quarantined(suite) == 0
