"""The commands on a pipeline file, as a newcomer runs them; Kafka is not there."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace.cli.app import app
from headrace.contract.json_schema import pipeline_schema
from typer.testing import CliRunner

FLIGHTS = Path(__file__).parents[3] / "examples/flights/headrace_flights/flights.yaml"
RUNNER = CliRunner(env={"HEADRACE_KAFKA": "", "HEADRACE_PIPELINE": ""})


@pytest.fixture
def dead_port() -> Iterator[str]:
    """An address that nobody listens at, and nobody else can take meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def test_a_right_file_is_said_to_be_right() -> None:
    done = RUNNER.invoke(app, ["check", str(FLIGHTS)])

    assert done.exit_code == 0
    assert "right. default.flights has 4 streams, 5 views, 1 prediction" in done.stdout


def test_a_file_with_two_mistakes_shows_both_and_what_would_mend_them(tmp_path: Path) -> None:
    file = tmp_path / "flights.yaml"
    text = FLIGHTS.read_text().replace("inputs: [dep_delay,", "inputs: [dep_delai,").replace("partitions", "")
    file.write_text(text.replace("name: flights", "nam: flights"))

    done = RUNNER.invoke(app, ["check", str(file)])

    assert done.exit_code == 1
    assert done.stdout == ""
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "dep_delai" in line)
    assert done.stderr.splitlines() == [
        f"{file}:3: nam: is no key here",
        "    did you mean 'name'?",
        f"{file}:{line}: predictions.late_at_departure.inputs[0]: no column 'dep_delai' here",
        "    did you mean 'dep_delay'?",
        f"headrace: 2 problems in {file}",
    ]


MARKS = ("timestmp", "out_hour", "lanfed", "5x", "origin_wether")


def test_a_file_with_five_mistakes_shows_them_all(tmp_path: Path) -> None:
    # Given a misspelt type, a duration that is none, SQL with a typo, a column and a view that nobody has
    file = tmp_path / "flights.yaml"
    mistakes = {
        "scheduled_out: timestamp": "scheduled_out: timestmp",
        "EXTRACT(HOUR": "EXTRACT(HOUR OF",
        "event_time: landed": "event_time: lanfed",
        "hop: 5m": "hop: 5x",
        "origin_weather, dest_arrivals]": "origin_wether, dest_arrivals]",
    }
    text = FLIGHTS.read_text()
    for right, wrong in mistakes.items():
        text = text.replace(right, wrong, 1)
    file.write_text(text)
    # When it is checked
    done = RUNNER.invoke(app, ["check", str(file)])
    # Then each is one line in the order of the file, and nothing else is said
    assert done.exit_code == 1
    lines = [line for line in done.stderr.splitlines() if not line.startswith("    ")]
    assert lines[-1] == f"headrace: 5 problems in {file}"
    assert [mark for line in lines[:-1] for mark in MARKS if mark in line] == list(MARKS)


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_other_commands_tell_the_same_problems(command: str, tmp_path: Path) -> None:
    file = tmp_path / "flights.yaml"
    file.write_text("headrace: 1")

    done = RUNNER.invoke(app, [command, str(file)])

    assert done.exit_code == 2
    assert f"{file}:1: name: is missing" in done.stderr


def test_a_file_that_is_not_there_is_one_clear_line() -> None:
    done = RUNNER.invoke(app, ["check", "nowhere.yaml"])

    assert done.exit_code == 2
    assert done.stderr == "headrace: cannot read the pipeline file nowhere.yaml: No such file or directory\n"


def test_the_plan_shows_topics_logs_tables_and_schemas() -> None:
    done = RUNNER.invoke(app, ["plan", str(FLIGHTS)])

    assert done.exit_code == 0
    shown = done.stdout
    assert ["default.flights.raw.departures", "4", "partitions"] in [line.split() for line in shown.splitlines()]
    assert "default.flights.by.origin, partitioned by origin" in shown
    assert "lake/default/flights/cleaned/weather" in shown
    assert "default.flights.ingested.arrivals: flight_id string, landed timestamp," in shown
    assert "tailnum string?" in shown
    assert "would be created" not in shown  # nobody looked


def test_without_kafka_the_plan_is_shown_but_not_compared(dead_port: str) -> None:
    done = RUNNER.invoke(app, ["plan", str(FLIGHTS), "--kafka", dead_port])

    assert done.exit_code == 11
    assert "default.flights.by.dest" in done.stdout
    assert f"not compared with what exists: cannot reach Kafka at {dead_port}" in done.stderr


def test_nothing_is_applied_to_a_kafka_that_is_not_there(dead_port: str) -> None:
    done = RUNNER.invoke(app, ["apply", str(FLIGHTS), "--kafka", dead_port])

    assert done.exit_code == 11
    assert done.stdout == ""
    assert done.stderr.startswith(f"headrace: cannot reach Kafka at {dead_port}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("address", ["localhost", "localhost:abc", "localhost:99999", "a b:9092", "one:9092,two"])
def test_what_is_no_address_is_said_before_anything_is_tried(address: str) -> None:
    done = RUNNER.invoke(app, ["plan", str(FLIGHTS), "--kafka", address])

    assert done.exit_code == 2
    assert "is no address: write host:port" in done.stderr


def test_apply_asks_where_kafka_is() -> None:
    done = RUNNER.invoke(app, ["apply", str(FLIGHTS)])

    assert (done.exit_code, done.stderr) == (2, "headrace: say where Kafka is, with --kafka or HEADRACE_KAFKA\n")


def test_the_schema_is_printed_as_json() -> None:
    assert json.loads(RUNNER.invoke(app, ["schema"]).stdout) == pipeline_schema()


@pytest.mark.parametrize("command", [[], ["check"], ["plan"], ["apply"], ["schema"], ["train"], ["lake"], ["local"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    done = RUNNER.invoke(app, [*command, "--help"])

    assert done.exit_code == 0
    assert "Usage:" in done.stdout


def test_the_version_is_told() -> None:
    assert RUNNER.invoke(app, ["--version"]).stdout.startswith("headrace ")
