"""Azure Blob (Microsoft's emulator) and Google Cloud Storage (its protocol) keep the promises that S3 keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from headrace.contract.errors import NotFound, StoreRefused
from headrace.lake.actions import AddFile
from headrace.lake.addresses import address, reader_options
from headrace.lake.delta_log import ABSENT, Commit, DeltaLog
from headrace.lake.parquet import encode, statistics
from headrace.store.cloud import AzureSettings, GcsSettings
from headrace.store.object_store import ObjectStore, expect_answer
from headrace.store.opening import StoreAddress, open_store
from headrace.store.probe import probe
from rig.azurite import azurite
from rig.gcs import gcs
from rig.store_promises import StorePromises


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureSettings]:
    with azurite(tmp_path_factory.mktemp("azurite")) as settings:
        yield settings


@pytest.fixture(scope="module")
def google() -> Iterator[GcsSettings]:
    with gcs() as settings:
        yield settings


@pytest.fixture(params=["azure", "google"])
def place(request: pytest.FixtureRequest) -> StoreAddress:
    settings: StoreAddress = request.getfixturevalue(request.param)
    return settings


class TestCloudStore(StorePromises):
    @pytest.fixture
    def store(self, place: StoreAddress) -> ObjectStore:
        return open_store(place)


def test_their_conditional_writes_hold(place: StoreAddress, prefix: str) -> None:
    store = open_store(place)
    probe(store, prefix)
    assert list(store.list(f"{prefix}/")) == []


def test_a_prefix_need_not_end_with_a_folder(place: StoreAddress, prefix: str) -> None:
    store = open_store(place)
    for key in ("blue.p.rows/1", "blue.p.rows/2", "bluebird/1", "green.p.rows/1"):
        store.put(f"{prefix}/{key}", b"x")
    assert [entry.key for entry in store.list(f"{prefix}/blue.")] == [
        f"{prefix}/blue.p.rows/1",
        f"{prefix}/blue.p.rows/2",
    ]


def test_a_store_that_ignores_conditions_is_refused(prefix: str) -> None:
    with gcs(heedless=True) as settings, pytest.raises(StoreRefused, match="does not hold If-None-Match"):
        probe(open_store(settings), prefix)


@pytest.mark.parametrize("call", ["get", "put", "list"])
def test_a_place_that_is_not_there(place: StoreAddress, call: str) -> None:
    wrong = (
        replace(place, container="nowhere") if isinstance(place, AzureSettings) else replace(place, bucket="nowhere")
    )
    store = open_store(wrong)
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: store.get("k"),
        "put": lambda: store.put("k", b"x"),
        "list": lambda: expect_answer(store, "k/"),
    }
    with pytest.raises(StoreRefused, match="make the bucket or container, or correct its name"):
        calls[call]()


def test_a_wrong_key_is_refused_and_not_repeated(azure: AzureSettings, prefix: str) -> None:
    store = open_store(replace(azure, key="Z3Vlc3NlZA=="))
    calls: list[Callable[[], object]] = [
        lambda: store.get(prefix),
        lambda: store.put(prefix, b"x"),
        lambda: expect_answer(store, prefix),
    ]
    for call in calls:
        with pytest.raises(StoreRefused, match="check the identity or the key, and its permissions") as refused:
            call()
        assert "Z3Vlc3NlZA" not in str(refused.value)


def test_a_table_is_written_and_read_by_others(place: StoreAddress, prefix: str) -> None:
    """Given a table that the commit writer made there, deltalake and polars read its rows."""
    store, root = open_store(place), f"{prefix}/table"
    rows = pa.table({"a": pa.array([1, 2, 3], pa.int64())})
    log = DeltaLog(store, root)
    log.ensure(rows.schema)
    body = encode(rows)
    store.put(f"{root}/part-0.parquet", body, if_none_match=True)
    add = AddFile("part-0.parquet", None, len(body), rows.num_rows, statistics(rows))
    log.commit(Commit((add,), {"source": 3}, {"source": ABSENT}))

    table = DeltaTable(address(place, root), storage_options=reader_options(place))
    assert table.to_pyarrow_table()["a"].to_pylist() == [1, 2, 3]
    assert pl.scan_delta(table, storage_options=reader_options(place)).select(pl.col("a").sum()).collect().item() == 6
    with pytest.raises(NotFound):
        DeltaLog(store, f"{prefix}/none").refresh()
