"""`headrace local` as somebody types it, in terminals of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import pytest
from headrace.local.commands import local_app
from headrace.local.lock import LOCK
from headrace.local.processes import who_holds
from headrace.local.up import read_pipeline
from headrace.runtime.readers import SERVICES
from rig.toy_services import until
from typer.testing import CliRunner

COMMAND = [sys.executable, "-c", "from headrace.local.commands import local_app; local_app()"]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of the commands that a test runs."""
    monkeypatch.setenv("HEADRACE_STATE", str(tmp_path))
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    """A command that ends by itself: its exit status and what it shows."""
    result = CliRunner().invoke(local_app, words)
    return result.exit_code, result.stdout


@contextmanager
def terminal(screen: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on in another terminal, with what it shows in a file; killed if the test fails."""
    with screen.open("w") as shown:
        command = subprocess.Popen([*COMMAND, *words], stdout=shown, stderr=subprocess.STDOUT, text=True)
    with command:
        try:
            yield command
        finally:
            command.kill()


def test_up_runs_a_pipeline_until_ctrl_c(state: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    # Given the flights pipeline, up in one terminal
    pipeline = tmp_path_factory.mktemp("project") / "flights.yaml"
    pipeline.write_text(resources.files("headrace_flights").joinpath("flights.yaml").read_text())
    screen = tmp_path_factory.mktemp("screen") / "up"
    with terminal(screen, "up", "--pipeline", str(pipeline)) as up:
        until(lambda: "lake-0: ready" in screen.read_text(), "it is up", 120.0)
        # Then its topics were made, and another terminal sees every part
        assert f"Topics: {len(read_pipeline(pipeline).topics)} created, 0 were there" in screen.read_text()
        status, shown = run("status")
        assert status == 0
        assert all(f"{name}-0" in shown for name in SERVICES)
        assert {process.name for process in who_holds(state / LOCK)} >= {"kafka", "s3", "inference-0"}
        assert "health and metrics on port" in run("logs", "ingestion")[1]
        # When Ctrl-C is pressed
        up.send_signal(signal.SIGINT)
        assert up.wait(90) == 0
    # Then it ends cleanly, says where things are, and nothing is left
    assert f"Ended. Topics and objects stay in {state}" in screen.read_text()
    assert "Traceback" not in screen.read_text()
    assert who_holds(state / LOCK) == []


def test_down_ends_what_another_terminal_runs(state: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    # Given Kafka and S3 without a pipeline, up in one terminal
    screen = tmp_path_factory.mktemp("screen") / "up"
    with terminal(screen, "up") as up:
        until(lambda: "S3 keys" in screen.read_text(), "it is up", 60.0)
        # When `down` is typed in another
        assert run("down")[0] == 0
        # Then that ends it as Ctrl-C would, and the data stay
        assert up.wait(20) == 0
    assert "Ended. Topics and objects stay in" in screen.read_text()
    assert (state / "kafka" / "data" / "meta.properties").exists()
    # And when nothing runs, the commands say so, and the data go when they are told to
    status, shown = run("status")
    assert status == 1
    assert f"No stack runs in {state}; start one with `headrace local up`" in shown
    assert "Deleted what the stack kept" in run("down", "--delete-data")[1]
    assert {path.name for path in state.iterdir()} == {LOCK}
