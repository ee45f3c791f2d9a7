"""Settings that are missing or wrong: one line that names the variable, never its value where that is a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from headrace.contract.errors import SettingsError
from headrace.runtime.settings import Settings, read_settings, servers
from headrace.store.cloud import AzureSettings, GcsSettings
from headrace.store.s3 import S3Settings

RIGHT = {
    "S3_ENDPOINT": "http://127.0.0.1:7070",
    "S3_BUCKET": "suite",
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
        ("S3_ACCESS_KEY", "", "HEADRACE_S3_ACCESS_KEY (access key"),
        ("S3_SECRET_KEY", "alone", "HEADRACE_S3_SECRET_KEY (secret key) is wrong: it is of no use without HEADRACE_S3"),
        ("STORE", "nfs", "HEADRACE_STORE (s3"),
        ("KAFKA_SECURITY", "ssl", "HEADRACE_KAFKA_SECURITY (plaintext, tls or sasl_tls"),
        ("KAFKA_CA_FILE", __file__, "it is of no use where HEADRACE_KAFKA_SECURITY is plaintext"),
        ("KAFKA_KEY_FILE", __file__, "it is of no use without HEADRACE_KAFKA_CERT_FILE"),
        ("KAFKA_CERT_FILE", "nowhere.pem", "HEADRACE_KAFKA_CERT_FILE (PEM file of our own certificate"),
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


@pytest.mark.parametrize(
    ("said", "needed"),
    [
        ({"STORE": "gcs"}, ["GCS_BUCKET"]),
        ({"STORE": "azure"}, ["AZURE_ACCOUNT", "AZURE_CONTAINER"]),
        ({"S3_ACCESS_KEY": "someone"}, ["S3_SECRET_KEY"]),
        ({"KAFKA_SECURITY": "sasl_tls"}, ["KAFKA_USER", "KAFKA_PASSWORD"]),
        ({"KAFKA_SECURITY": "tls", "KAFKA_CERT_FILE": __file__}, ["KAFKA_KEY_FILE"]),
    ],
)
def test_what_one_setting_asks_for_besides(
    said: dict[str, str], needed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in said.items():
        monkeypatch.setenv(f"HEADRACE_{name}", value)
    with pytest.raises(SettingsError) as refused:
        read_settings(Settings)
    assert str(refused.value).count(" is not set") == len(needed)
    assert [name for name in needed if f"HEADRACE_{name} (" not in str(refused.value)] == []


def test_each_kind_of_store_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(Settings).object_store == S3Settings("http://127.0.0.1:7070", "suite")
    monkeypatch.setenv("HEADRACE_STORE", "gcs")
    monkeypatch.setenv("HEADRACE_GCS_BUCKET", "lake")
    assert read_settings(Settings).object_store == GcsSettings("lake")
    monkeypatch.setenv("HEADRACE_STORE", "azure")
    monkeypatch.setenv("HEADRACE_AZURE_ACCOUNT", "acme")
    monkeypatch.setenv("HEADRACE_AZURE_CONTAINER", "lake")
    monkeypatch.setenv("HEADRACE_AZURE_KEY", "hush")
    assert read_settings(Settings).object_store == AzureSettings("acme", "lake", key="hush")


def test_secrets_come_from_files_and_the_environment_goes_before_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"s3_access_key": "filed", "s3_secret_key": "hush\n", "kafka_user": "filed"}
    for name, value in files.items():
        (tmp_path / f"headrace_{name}").write_text(value)
    (tmp_path / "HEADRACE_KAFKA_PASSWORD").write_text("word\n")  # as a Secret that is made for variables has it
    monkeypatch.setenv("HEADRACE_SECRETS", str(tmp_path))
    monkeypatch.setenv("HEADRACE_KAFKA_USER", "told")
    monkeypatch.setenv("HEADRACE_KAFKA_SECURITY", "sasl_tls")
    settings = read_settings(Settings)
    assert settings.object_store == S3Settings("http://127.0.0.1:7070", "suite", "filed", "hush")
    assert (settings.kafka_access.user, settings.kafka_access.password) == ("told", "word")


def test_a_folder_of_secrets_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SECRETS", str(tmp_path / "unmounted"))
    with pytest.raises(SettingsError, match=r"HEADRACE_SECRETS: .*unmounted is no folder; mount the secret there"):
        read_settings(Settings)


def test_no_secret_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"S3_ACCESS_KEY": "someone", "S3_SECRET_KEY": "hush", "AZURE_KEY": "hush"}
    sasl = {"KAFKA_SECURITY": "sasl_tls", "KAFKA_USER": "blue", "KAFKA_PASSWORD": "hush"}
    for name, value in (secrets | sasl).items():
        monkeypatch.setenv(f"HEADRACE_{name}", value)
    settings = read_settings(Settings)
    shown = [settings, settings.object_store, settings.kafka_access, AzureSettings("acme", "lake", key="hush")]
    assert "hush" not in "".join(f"{each!r}{each}" for each in shown)
