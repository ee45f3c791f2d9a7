"""Where the commands look for Kafka and the object store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace.cli.where import find_kafka, find_store
from headrace.contract.errors import SettingsError
from headrace.local.lock import FolderLock
from headrace.local.memory import MEMORY
from headrace.runtime.kafka_access import KafkaAccess
from headrace.store.cloud import GcsSettings
from headrace.store.s3 import S3Settings


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder where a stack was started once, and an environment that says nothing else."""
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HEADRACE_STATE", str(tmp_path))
    memory = {"ports": {"kafka": 4001, "s3": 4002}, "access_key": "key", "secret_key": "secret"}
    (tmp_path / MEMORY).write_text(json.dumps(memory))
    return tmp_path


@pytest.fixture
def running(state: Path) -> Iterator[None]:
    """As long as a stack runs, its folder is locked."""
    lock = FolderLock(state)
    lock.take()
    yield
    lock.release()


@pytest.mark.usefixtures("running")
def test_the_running_stack_is_found_by_itself() -> None:
    store = find_store()

    assert isinstance(store, S3Settings)
    assert (store.endpoint, store.bucket) == ("http://127.0.0.1:4002", "headrace")
    assert (store.access_key, store.secret_key) == ("key", "secret")
    assert find_kafka(None) == KafkaAccess("127.0.0.1:4001")


@pytest.mark.usefixtures("running")
def test_what_is_named_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_S3_ENDPOINT", "http://elsewhere:9000")
    monkeypatch.setenv("HEADRACE_S3_BUCKET", "suite")

    assert find_kafka("broker:9092") == KafkaAccess("broker:9092")
    assert find_store() == S3Settings("http://elsewhere:9000", "suite")  # the stack's keys do not go there


@pytest.mark.usefixtures("running")
def test_another_kind_of_store_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_STORE", "gcs")
    with pytest.raises(SettingsError, match=r"HEADRACE_GCS_BUCKET .* is not set"):
        find_store()
    monkeypatch.setenv("HEADRACE_GCS_BUCKET", "suite")
    assert find_store() == GcsSettings("suite")


@pytest.mark.usefixtures("running")
def test_a_named_kafka_is_reached_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SECURITY": "sasl_tls", "USER": "blue", "PASSWORD": "hush"}.items():
        monkeypatch.setenv(f"HEADRACE_KAFKA_{name}", value)
    assert find_kafka("broker:9092") == KafkaAccess("broker:9092", "sasl_tls", user="blue", password="hush")
    assert find_kafka(None) == KafkaAccess("127.0.0.1:4001")  # the stack's own is open


def test_a_stack_that_has_ended_is_not_taken_for_one_that_runs(state: Path) -> None:
    with pytest.raises(SettingsError, match=f"HEADRACE_S3_ENDPOINT is not set, and no stack runs in {state}: start"):
        find_store()
    with pytest.raises(SettingsError, match="--kafka or HEADRACE_KAFKA is not set, and no stack runs"):
        find_kafka(None)
