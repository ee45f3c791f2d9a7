"""Logs are JSON, one object a line, and secrets stay out of them."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from headrace.runtime.logs import JsonLines
from headrace.runtime.settings import Settings


def line(message: object, *args: object, extra: dict[str, object] | None = None, trace: bool = False) -> str:
    """What is written for one record."""
    logger = logging.Logger("headrace.some.where")
    error = sys.exc_info() if trace else None
    record = logger.makeRecord(logger.name, logging.WARNING, "f.py", 1, message, args, error, extra=extra)
    return JsonLines("cleaning", "cleaning-0").format(record)


def test_a_line_says_when_how_bad_where_and_who() -> None:
    said = json.loads(line("partition %d is late", 3))
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "WARNING",
        "logger": "headrace.some.where",
        "message": "partition 3 is late",
        "service": "cleaning",
        "instance": "cleaning-0",
    }


def test_extra_fields_are_fields() -> None:
    assert json.loads(line("x", extra={"topic": "t", "offset": 7}))["offset"] == 7


def test_a_message_of_many_lines_is_one_line() -> None:
    assert "\n" not in line("one\ntwo")


def test_a_trace_is_a_field() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        said = line("it failed", trace=True)
    assert "ValueError: broken" in json.loads(said)["trace"]
    assert "\n" not in said


def test_what_json_cannot_say_is_said_as_text() -> None:
    assert json.loads(line("x", extra={"place": Path("a/b")}))["place"] == "a/b"


def test_settings_in_a_log_keep_their_secret() -> None:
    settings = Settings(
        pipeline=Path("flights.yaml"),
        kafka="one:9092",
        s3_endpoint="http://one:7070",
        s3_bucket="suite",
        s3_access_key="someone",
        s3_secret_key="hush",
    )
    assert "hush" not in line("started with %r", settings, extra={"settings": settings})
