"""`headrace plan` and `apply` against a real Kafka: from nothing to there, and no further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from headrace.cli.app import app
from headrace.local.stack import Stack
from headrace.runtime import kafka, topics
from typer.testing import CliRunner, Result

FILE = """\
headrace: 1
name: {name}
partitions: 3
streams:
  departures:
    event_time: off_block
    columns: {{off_block: timestamp, origin: string, dep_delay: float32}}
features:
  delays: {{from: departures, key: [origin], hop: 5m, windows: [1h], values: {{dep_delay: [mean]}}}}
"""
Headrace = Callable[..., Result]


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A pipeline of this test's own."""
    return str(request.node.name).removeprefix("test_")


@pytest.fixture
def file(name: str, tmp_path: Path) -> Path:
    """Its file."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(FILE.format(name=name))
    return file


@pytest.fixture
def headrace(stack: Stack, file: Path) -> Headrace:
    """A command on that file and the stack's Kafka."""
    return lambda *words: CliRunner().invoke(app, [*words, str(file), "--kafka", stack.endpoints.kafka])


def states(plan: Result, name: str) -> dict[str, str]:
    """What the plan says of each topic: its part of the name after the pipeline's, and the state."""
    words = [line.split() for line in plan.stdout.splitlines() if line.startswith(f"  default.{name}.")]
    return {line[0].removeprefix(f"default.{name}."): line[3] for line in words if line[2:3] == ["partitions"]}


def existing(stack: Stack) -> dict[str, int]:
    async def look() -> dict[str, int]:
        async with kafka.admin(stack.endpoints.broker, 15.0) as admin:
            return await topics.existing(admin, 15.0)

    return asyncio.run(look())


def create(stack: Stack, wanted: dict[str, int]) -> None:
    async def make() -> None:
        async with kafka.admin(stack.endpoints.broker, 15.0) as admin:
            await topics.create(admin, wanted, 15.0)

    asyncio.run(make())


def test_applied_twice(headrace: Headrace, name: str, stack: Stack) -> None:
    # Given a pipeline that nobody has applied
    all_topics = ["raw.departures", "ingested.departures", "by.origin", "quarantine"]
    assert states(headrace("plan"), name) == dict.fromkeys(all_topics, "new")
    # When it is applied
    first = headrace("apply")
    # Then its topics are there, with the file's number of partitions
    assert first.exit_code == 0, first.stderr
    assert first.stdout.splitlines()[-1] == f"default.{name}: 4 topics created, 0 were there"
    assert {topic: count for topic, count in existing(stack).items() if name in topic} == {
        f"default.{name}.{topic}": 3 for topic in all_topics
    }
    # And a second time changes nothing
    assert headrace("apply").stdout == f"default.{name}: 0 topics created, 4 were there\n"
    assert states(headrace("plan"), name) == dict.fromkeys(all_topics, "same")


def test_whether_it_is_applied(headrace: Headrace, name: str, stack: Stack) -> None:
    # Given nothing, then it is not
    done = headrace("plan", "--applied")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"headrace: not applied: default.{name}.raw.departures, ")
    # When it is applied, then it is
    assert headrace("apply").exit_code == 0
    assert headrace("plan", "--applied").exit_code == 0


def test_other_partitions(headrace: Headrace, name: str, stack: Stack) -> None:
    # Given a raw topic that somebody has made with five partitions, where the file asks for three
    create(stack, {f"default.{name}.raw.departures": 5})
    assert states(headrace("plan"), name)["raw.departures"] == "differs"
    # When the file is applied
    done = headrace("apply")
    # Then it is refused, with the way out, and nothing was created
    assert done.exit_code == 2
    assert f"default.{name}.raw.departures has 5 partitions, the file asks for 3" in done.stderr
    assert "write `partitions: 5` into the file" in done.stderr
    assert [topic for topic in existing(stack) if name in topic] == [f"default.{name}.raw.departures"]


def test_orphans(headrace: Headrace, file: Path, name: str, stack: Stack) -> None:
    # Given an applied pipeline whose view is then taken out of the file
    assert headrace("apply").exit_code == 0
    file.write_text(FILE.format(name=name).partition("features:")[0])
    # When the file is planned and applied again
    plan, done = headrace("plan"), headrace("apply")
    # Then the log that nobody needs any more is named, and left alone
    assert states(plan, name)["by.origin"] == "orphaned"
    assert f"orphaned  default.{name}.by.origin" in done.stdout
    assert f"default.{name}.by.origin" in existing(stack)


def test_topics_that_appear_meanwhile_are_left_as_they_are(stack: Stack) -> None:
    create(stack, {"default.meanwhile.quarantine": 2})
    create(stack, {"default.meanwhile.quarantine": 2, "default.meanwhile.raw.a": 1})

    assert existing(stack)["default.meanwhile.quarantine"] == 2
