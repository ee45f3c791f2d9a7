"""Settings that are missing or wrong: one line that names the variable, never its value where that is a secret."""

from __future__ import annotations

import os

import pytest
from headrace.contract.errors import SettingsError
from headrace.runtime.settings import Settings, read_settings, servers

RIGHT = {
    "S3_ENDPOINT": "http://127.0.0.1:7070",
    "S3_BUCKET": "suite",
    "S3_ACCESS_KEY": "someone",
    "S3_SECRET_KEY": "hush",
    "PIPELINE": "flights.yaml",
    "KAFKA": "one:9092,[::1]:9092",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a service needs to be told, and nothing else."""
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        monkeypatch.delenv(name)
    for name, value in RIGHT.items():
        monkeypatch.setenv(f"HEADRACE_{name}", value)


def test_what_is_right_is_read() -> None:
    assert read_settings(Settings).kafka == RIGHT["KAFKA"]


def test_everything_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RIGHT:
        monkeypatch.delenv(f"HEADRACE_{name}")
    with pytest.raises(SettingsError) as refused:
        read_settings(Settings)
    assert str(refused.value).count(" is not set") == len(RIGHT)
    assert [name for name in RIGHT if f"HEADRACE_{name} (" not in str(refused.value)] == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KAFKA", "", "'' is no address: write host:port"),
        ("KAFKA", "localhost", "'localhost' is no address: write host:port"),
        ("KAFKA", "one:9092,two:99999", "'two:99999' is no address: write host:port"),
        ("S3_ENDPOINT", "127.0.0.1:7070", "HEADRACE_S3_ENDPOINT (URL of the S3 server"),  # no http://
        ("S3_ENDPOINT", "", "HEADRACE_S3_ENDPOINT (URL of the S3 server"),
        ("S3_BUCKET", "", "HEADRACE_S3_BUCKET (the suite's bucket"),
        ("S3_BUCKET", "suite/lake", "HEADRACE_S3_BUCKET (the suite's bucket"),
        ("S3_SECRET_KEY", "", "HEADRACE_S3_SECRET_KEY (secret key)"),
        ("HTTP_PORT", "70000", "HEADRACE_HTTP_PORT (port of health and metrics)"),
        ("THREADS", "many", "HEADRACE_THREADS (worker threads"),
    ],
)
def test_what_is_wrong_is_one_line(name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"HEADRACE_{name}", value)
    with pytest.raises(SettingsError) as refused:
        read_settings(Settings)
    assert said in str(refused.value)
    assert " is wrong: " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_url_with_a_password_in_it_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    # An endpoint is shown in messages and logs, so it is no place for a secret
    monkeypatch.setenv("HEADRACE_S3_ENDPOINT", "http://someone:hush@127.0.0.1:7070")
    with pytest.raises(SettingsError) as refused:
        read_settings(Settings)
    assert "hush" not in str(refused.value)


def test_bootstrap_servers_stay_as_they_are() -> None:
    assert servers("one:1,two:65535") == "one:1,two:65535"
