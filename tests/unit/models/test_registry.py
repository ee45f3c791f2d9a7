"""The registry: versions are written once, aliases move only over what was read, and tampering is refused."""

from __future__ import annotations

import pytest
from headrace.contract.errors import ModelError, OutcomeUnknown
from headrace.models.manifest import Inputs, Manifest, Training
from headrace.models.registry import Registry
from headrace.store.memory import MemoryStore

FILES = {"model.onnx": b"trees", "sample.arrow": b"rows"}


def manifest() -> Manifest:
    training = Training(tables={"t": 3}, rows=10, first="a", last="b", seed=1, params={}, commit="")
    inputs = Inputs(columns=("x",), views="v")
    return Manifest(name="late", files={}, inputs=inputs, training=training, metrics={"auc": 0.9}, created="now")


def test_a_published_version_is_loaded_as_it_was_written() -> None:
    registry = Registry(MemoryStore(), "someone")

    numbers = [registry.publish(manifest(), FILES) for _ in range(3)]

    assert numbers == [1, 2, 3]
    version = registry.load("late", 2)
    assert version.files == FILES
    assert version.manifest.metrics == {"auc": 0.9}


def test_a_file_that_was_changed_is_refused() -> None:
    store = MemoryStore()
    Registry(store, "someone").publish(manifest(), FILES)
    store.put("models/someone/late/versions/1/model.onnx", b"other trees")

    with pytest.raises(ModelError, match="does not match the hash"):
        Registry(store, "someone").load("late", 1)


def test_a_version_that_was_never_finished_cannot_be_loaded_and_its_number_stays_taken() -> None:
    # Given a publisher that died after its claim
    store = MemoryStore()
    store.put("models/someone/late/versions/1/claim", b"")
    registry = Registry(store, "someone")
    # Then its version cannot be loaded or pointed at, and the next one has a number of its own
    with pytest.raises(ModelError, match="no complete version 1"):
        registry.load("late", 1)
    with pytest.raises(ModelError, match="no complete version 1"):
        registry.point("late", "champion", 1)
    assert registry.publish(manifest(), FILES) == 2


def test_an_alias_moves() -> None:
    registry = Registry(MemoryStore(), "someone")
    assert registry.resolve("late", "champion") is None
    for number in (1, 2):
        registry.publish(manifest(), FILES)
        registry.point("late", "champion", number)
        assert registry.resolve("late", "champion") == number


def test_an_alias_that_somebody_else_moves_meanwhile_is_left_to_them() -> None:
    class Racing(MemoryStore):
        """Somebody else moves the alias between our read and our write."""

        def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
            if if_match is not None:
                super().put(key, b'{"version": 7}')
            return super().put(key, body, if_none_match=if_none_match, if_match=if_match)

    registry = Registry(Racing(), "someone")
    registry.publish(manifest(), FILES)
    registry.point("late", "champion", 1)

    with pytest.raises(ModelError, match="moved by somebody else"):
        registry.point("late", "champion", 1)
    assert registry.resolve("late", "champion") == 7


def test_an_alias_whose_move_is_unknown_is_read_back() -> None:
    class Doubtful(MemoryStore):
        """Writes aliases, and then does not say so."""

        def put(self, key: str, body: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
            etag = super().put(key, body, if_none_match=if_none_match, if_match=if_match)
            if "/aliases/" in key:
                raise OutcomeUnknown("no answer")
            return etag

    registry = Registry(Doubtful(), "someone")
    registry.publish(manifest(), FILES)
    registry.point("late", "champion", 1)
    assert registry.resolve("late", "champion") == 1


def test_a_damaged_alias_is_named() -> None:
    store = MemoryStore()
    store.put("models/someone/late/aliases/champion.json", b"{}")
    with pytest.raises(ModelError, match=r"champion\.json is damaged"):
        Registry(store, "someone").resolve("late", "champion")
