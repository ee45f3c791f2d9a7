"""What a newcomer gets wrong, on real parts: each ends in one clear message, the right status and a clean state."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace.cli.app import app
from headrace.local.lock import LOCK
from headrace.local.processes import who_holds
from headrace.local.stack import Stack
from headrace.local.topics import create_topics
from headrace.local.up import read_pipeline
from headrace.runtime.exits import Exit
from headrace.runtime.readers import SERVICES
from rig import flights
from rig.endings import SECRET, ends
from rig.toy_services import until
from typer.testing import CliRunner


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address that nobody listens at, and nobody else can take meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """The flights, for a tenant of this test's own; no topic is there yet."""
    file = tmp_path / "flights.yaml"
    file.write_text(flights.pipeline())
    return file


@pytest.fixture
def right(stack: Stack, pipeline: Path) -> dict[str, str]:
    """Everything a service is told, and told rightly; it waits for nothing that is not there."""
    return {
        **stack.endpoints.environment,
        "HEADRACE_PIPELINE": str(pipeline),
        "HEADRACE_HTTP_HOST": "127.0.0.1",
        "HEADRACE_HTTP_PORT": "0",
        "HEADRACE_START_SECONDS": "0",
    }


def test_kafka_that_is_not_there(right: dict[str, str], nobody: str) -> None:
    for status, said in ends({**right, "HEADRACE_KAFKA": nobody}, *SERVICES).values():
        assert status == Exit.BROKER
        assert f"cannot reach Kafka at {nobody}: " in json.loads(said)["message"]
        assert "is Kafka up there, and is the address right?" in json.loads(said)["message"]


def test_topics_that_nobody_has_made(right: dict[str, str]) -> None:
    for status, said in ends(right, "cleaning", "lake").values():
        assert status == Exit.USER
        assert "these topics do not exist: " in json.loads(said)["message"]
        assert "`headrace apply` creates them" in json.loads(said)["message"]


@pytest.mark.parametrize(
    ("wrong", "mend"),
    [
        ({"HEADRACE_S3_SECRET_KEY": SECRET}, "check the access key, its secret and its permissions"),
        ({"HEADRACE_S3_BUCKET": "nobucket"}, "make the bucket or correct its name"),
    ],
)
def test_a_store_that_refuses(right: dict[str, str], pipeline: Path, wrong: dict[str, str], mend: str) -> None:
    create_topics(right["HEADRACE_KAFKA"], read_pipeline(pipeline).topics)
    for status, said in ends({**right, **wrong}, "feature_engineering", "lake").values():
        assert status == Exit.STORE
        assert mend in json.loads(said)["message"]


def test_a_port_that_is_taken(right: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for status, said in ends({**right, "HEADRACE_HTTP_PORT": str(port)}, "ingestion").values():
            assert status == Exit.USER
            assert f"cannot listen on 127.0.0.1:{port}: " in json.loads(said)["message"]
            assert "HEADRACE_HTTP_PORT" in json.loads(said)["message"]


@pytest.mark.parametrize("command", [["train"], ["lake", "compact"], ["lake", "vacuum"], ["quarantine", "list"]])
@pytest.mark.parametrize(
    ("wrong", "mend"),
    [
        ({"HEADRACE_S3_SECRET_KEY": SECRET}, "check the access key, its secret and its permissions"),
        ({"HEADRACE_S3_BUCKET": "nobucket"}, "make the bucket or correct its name"),
        ({"HEADRACE_S3_ENDPOINT": "http://127.0.0.1:1"}, "is the store up?"),
    ],
)
def test_commands_that_read_from_a_store_that_refuses(
    right: dict[str, str], command: list[str], wrong: dict[str, str], mend: str
) -> None:
    done = CliRunner(env={**right, **wrong}).invoke(app, command)
    assert done.exit_code == Exit.STORE
    assert done.stdout == ""
    assert done.stderr.startswith("headrace: LIST lake/")
    assert done.stderr.endswith(f"{mend}\n")
    assert SECRET not in done.stderr


def test_a_second_stack_and_a_kafka_that_is_killed(tmp_path: Path) -> None:
    # Given a stack that is up
    state = tmp_path / "state"
    environment = {**os.environ, "HEADRACE_STATE": str(state)}
    up = [sys.executable, "-m", "headrace.cli", "local", "up"]
    with (tmp_path / "screen").open("w") as screen:
        first = subprocess.Popen(up, env=environment, stdout=screen, stderr=screen)
    try:
        until(lambda: "S3 keys" in (tmp_path / "screen").read_text(), "it is up", 60.0)
        # When another is started in its folder, then that one names the first and how to end it
        second = subprocess.run(up, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == Exit.USER
        assert f"a stack already runs in {state} (pid {first.pid})" in second.stderr
        assert f"`HEADRACE_STATE={state} headrace local down`" in second.stderr
        # When somebody kills Kafka
        kafka = next(process.pid for process in who_holds(state / LOCK) if process.name == "kafka")
        os.kill(kafka, signal.SIGKILL)
        # Then the first says so, and nothing is left
        assert first.wait(30) == Exit.USER
    finally:
        with first:
            first.kill()
    assert "headrace: kafka ended by itself (signal 9)" in (tmp_path / "screen").read_text().splitlines()[-1]
    assert who_holds(state / LOCK) == []


@pytest.mark.parametrize(("moment", "number"), [("Ready: Kafka", signal.SIGINT), ("Replaying", signal.SIGHUP)])
def test_a_demo_that_is_stopped(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    # Given a demo that has come so far
    screen, state = tmp_path / "screen", tmp_path / "state"
    with screen.open("w") as shown:
        demo = subprocess.Popen(
            [sys.executable, "-m", "headrace_flights.demo"],
            env={**os.environ, "HEADRACE_STATE": str(state), "QUICK": "1", "PYTHONUNBUFFERED": "1"},
            stdout=shown,
            stderr=shown,
        )
    try:
        until(lambda: moment in screen.read_text(), moment, 90.0)
        # When Ctrl-C is pressed, or its terminal is closed
        demo.send_signal(number)
        # Then it says that it was stopped, and nothing of it runs
        assert demo.wait(30) == 130
    finally:
        with demo:
            demo.kill()
    assert screen.read_text().splitlines()[-1] == "Stopped. Nothing runs any more; `make demo` starts afresh."
    assert "Traceback" not in screen.read_text()
    assert who_holds(state / "demo" / "stack" / LOCK) == []
