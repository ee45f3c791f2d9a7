"""Rejected rows: past the limit a service stops and says so, and what was mended goes back exactly once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from headrace.cli.app import app
from headrace.contract.errors import BrokerUnavailable, Fenced
from headrace.contract.pipeline import Hop
from headrace.lake.read import Lake
from headrace.lake.tables import find_table
from headrace.local.stack import Stack
from headrace.runtime import redrive
from headrace.runtime.exits import Exit
from headrace.runtime.redrive import Again, Redriven
from headrace.store.s3 import S3Store
from rig.suite import Suite
from typer.testing import CliRunner, Result

FILE = """\
headrace: 1
name: {name}
partitions: 2
quarantine: {{rows: 40, within: 1h}}
streams:
  orders:
    event_time: at
    columns:
      id: string
      at: timestamp
      amount: {{type: float32, between: [0, {most}]}}
      shop: string
    clean:
      - drop_duplicates: {{by: [id], within: 1d}}
      - require: {{name: a known shop, that: "shop <> '{unknown}'"}}
"""
SERVICES = ["ingestion", "cleaning", "lake"]
QUICK = {"HEADRACE_LAKE_FLUSH_SECONDS": "0.5"}


def strict(prefix: str) -> str:
    return FILE.format(name=name(prefix), most=100, unknown="new")


def mended(prefix: str) -> str:
    return FILE.format(name=name(prefix), most=1000, unknown="nowhere")


def name(prefix: str) -> str:
    return f"p{sha256(prefix.encode()).hexdigest()[:12]}"


def order(number: int, **other: object) -> bytes:
    row = {"id": f"o{number}", "at": f"2025-01-01T00:00:{number % 60:02}Z", "amount": 1.5, "shop": "old", **other}
    return json.dumps(row).encode()


def send(suite: Suite, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": suite.endpoints.kafka, "acks": "all"})
    for number, value in enumerate(values):
        producer.produce(suite.plan.topics.raw("orders"), value, partition=number % 2)
    assert producer.flush(30) == 0


def ids(suite: Suite, hop: Hop, name: str, column: str) -> list[str]:
    """A column of a table, every row of it."""
    table = find_table(suite.plan, hop, name)
    if not list(S3Store(suite.endpoints.store).list(f"{table.root}/_delta_log/")):
        return []
    values: list[str] = Lake(suite.endpoints.store).scan(table)[0].select(column).collect()[column].to_list()
    return values


def command(suite: Suite, *words: str) -> Result:
    environment = {**suite.endpoints.environment, "HEADRACE_PIPELINE": str(suite.file)}
    return CliRunner(env=environment).invoke(app, ["quarantine", *words])


@pytest.fixture
def rejected(stack: Stack, prefix: str, tmp_path: Path) -> Suite:
    """Twenty good orders in the lake, ten whose amount ingestion refuses and ten whose shop cleaning does."""
    bad = [order(100 + n, amount=500) for n in range(10)] + [order(200 + n, shop="new") for n in range(10)]
    with Suite(strict(prefix), stack.endpoints, tmp_path / "strict", services=SERVICES, settings=QUICK) as suite:
        send(suite, [order(n) for n in range(20)] + bad)
        suite.until(lambda: len(ids(suite, Hop.QUARANTINE, "all", "reason")) == 20, "all bad rows are in the lake")
        suite.until(lambda: len(ids(suite, Hop.CLEANED, "orders", "id")) == 20, "all good rows are in the lake")
    return suite


def test_rows_go_back_exactly_once(rejected: Suite, stack: Stack, prefix: str, tmp_path: Path) -> None:
    # Given the cause of the rejections mended, in the file
    rejected.file.write_text(mended(prefix))
    store, topic = S3Store(stack.endpoints.store), rejected.plan.topics.raw("orders")

    # When a redrive is only asked about, nothing is sent
    asked = command(rejected, "redrive", "--dry-run")
    assert asked.stdout == "orders: 20 rows to be sent again, unless they were before\n"

    # When half of them are sent, and the run ends before it can write down which
    assert "orders: 10 rows sent again, 0 had been before" in command(rejected, "redrive", "--stage", "cleaning").stdout
    (ledger,) = store.list(f"topics/default/{rejected.plan.pipeline.name}/redriven/{topic}/")
    after_half = store.get(ledger.key).body
    # and all are sent, twice, the first of the two not written down either
    assert "orders: 10 rows sent again, 10 had been before" in command(rejected, "redrive").stdout
    store.put(ledger.key, after_half)
    assert "orders: 0 rows sent again, 20 had been before" in command(rejected, "redrive").stdout

    # Then each order is in the lake once, and none was rejected again
    with Suite(
        mended(prefix), stack.endpoints, tmp_path / "mended", services=SERVICES, settings=QUICK, new=False
    ) as suite:
        everything = {f"o{n}" for first, count in ((0, 20), (100, 10), (200, 10)) for n in range(first, first + count)}
        suite.until(lambda: set(ids(suite, Hop.CLEANED, "orders", "id")) >= everything, "every order is in the lake")
        assert Counter(ids(suite, Hop.CLEANED, "orders", "id")) == Counter(everything)
        assert len(ids(suite, Hop.QUARANTINE, "all", "reason")) == 20


def test_a_redrive_that_is_overtaken_sends_nothing_more(rejected: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a redrive that is about to send
    store, plan = S3Store(rejected.endpoints.store), rejected.plan
    rows = [Again((0, number, 0), order(number)) for number in range(3)]
    outcomes: list[Redriven] = []
    sending = redrive._send

    async def overtaken(producer: AIOKafkaProducer, topic: str, rows: list[Again]) -> None:
        # When another begins and comes to its end meanwhile
        monkeypatch.setattr(redrive, "_send", sending)
        outcomes.append(await once())
        await sending(producer, topic, rows)

    async def once() -> Redriven:
        return await redrive.redrive(rejected.endpoints.broker, store, plan.topics, plan.topics.raw("orders"), rows)

    monkeypatch.setattr(redrive, "_send", overtaken)
    with pytest.raises(Fenced, match="another redrive has begun"):
        asyncio.run(once())

    # Then the rows went once
    assert outcomes == [Redriven(sent=3, before=0)]
    assert asyncio.run(once()) == Redriven(sent=0, before=3)


def test_a_try_that_fails_half_way_leaves_no_row_behind(rejected: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a transaction that is not brought to its end
    store, plan = S3Store(rejected.endpoints.store), rejected.plan
    rows = [Again((number % 2, number, 0), order(number)) for number in range(3)]
    sending = redrive._send

    async def broken(producer: AIOKafkaProducer, topic: str, rows: list[Again]) -> None:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, rows[0].value, partition=0, headers=[(redrive.HEADER, b"0,0,0")])
        raise BrokerUnavailable("the network is gone")

    def once() -> Redriven:
        return asyncio.run(
            redrive.redrive(rejected.endpoints.broker, store, plan.topics, plan.topics.raw("orders"), rows)
        )

    monkeypatch.setattr(redrive, "_send", broken)
    with pytest.raises(BrokerUnavailable):
        once()
    monkeypatch.setattr(redrive, "_send", sending)

    # Then the next one sends every row, for no part of a transaction counts
    assert once() == Redriven(sent=3, before=0)


@pytest.mark.parametrize(
    ("service", "bad"), [("ingestion", {"amount": 500}), ("cleaning", {"shop": "new"})], ids=["ingestion", "cleaning"]
)
def test_past_its_limit_a_service_stops_and_says_so(
    stack: Stack, prefix: str, tmp_path: Path, service: str, bad: dict[str, object]
) -> None:
    # Given services at work
    with Suite(strict(prefix), stack.endpoints, tmp_path, services=SERVICES, settings=QUICK) as suite:
        # When more rows are bad than the pipeline allows
        send(suite, [order(number, **bad) for number in range(100)])
        # Then the one that rejects them ends, and says what to do
        child = suite.services.pop(service).child
        suite.until(lambda: not child.alive, f"{service} ends", 60.0)
        assert child.wait(10) == Exit.QUARANTINE
        said = json.loads(child.log.read_text().splitlines()[-1])["message"]
        assert "rows were rejected within 1h, and the pipeline allows 40" in said
        assert "raise quarantine.rows" in said
