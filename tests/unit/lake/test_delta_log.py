"""A commit lands once or not at all, whatever becomes of its requests and whoever else writes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pyarrow as pa
import pytest
from headrace.contract.errors import Fenced, NotFound, OutcomeUnknown, PlanError, StoreRefused, StoreUnavailable
from headrace.lake.actions import AddFile
from headrace.lake.delta_log import ABSENT, ATTEMPTS, Commit, DeltaLog
from headrace.lake.log_files import commit_key
from headrace.store.memory import MemoryStore
from headrace.store.object_store import ObjectStore
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rig.faulty_store import Fault, FaultyStore, Turns, TurnStore

ROWS = pa.schema([pa.field("x", pa.int64(), nullable=False)])
ROOT = "lake/t"
APP = "lake/topic/0"
SETTLED = settings(deadline=None, max_examples=200, derandomize=True)


def log_of(store: ObjectStore) -> DeltaLog:
    return DeltaLog(store, ROOT, clock=lambda: 0.0, pause=lambda seconds: None)


def step(app: str, first: int, end: int) -> Commit:
    """The offsets first..end-1 as one file, named after them."""
    add = AddFile(f"_date=2013-01-01/{app.replace('/', '-')}.{first}.{end}", "2013-01-01", 1, end - first, "{}")
    return Commit((add,), {app: end}, {app: first or ABSENT})


def commits(store: ObjectStore) -> Iterator[list[dict[str, dict[str, str]]]]:
    version = 0
    while True:
        try:
            body = store.get(commit_key(ROOT, version)).body
        except NotFound:
            return
        yield [json.loads(line) for line in body.splitlines()]
        version += 1


def files(store: ObjectStore) -> list[str]:
    return [action["add"]["path"] for actions in commits(store) for action in actions if "add" in action]


def made() -> MemoryStore:
    store = MemoryStore()
    log_of(store).ensure(ROWS)
    return store


def test_a_commit_carries_files_and_positions_together() -> None:
    # Given a new table
    store = made()
    # When two steps of one source are committed
    log = log_of(store)
    versions = [log.commit(step(APP, 0, 5)), log.commit(step(APP, 5, 9))]
    # Then each is a version, and a reader who starts afresh finds the last position
    assert versions == [1, 2]
    assert log_of(store).refresh().txns == {APP: 9}
    assert len(files(store)) == 2


@SETTLED
@given(st.lists(st.sampled_from(Fault), max_size=14), st.integers(0, 4))
@example([Fault.ANSWER_LOST, *[Fault.BUSY] * ATTEMPTS], 1)  # landed in the first call, "busy" all through the second
@example([Fault.LATE, *[Fault.BUSY] * ATTEMPTS], 1)
def test_whatever_goes_wrong_a_commit_lands_once_and_the_answer_is_true(faults: list[Fault], blind: int) -> None:
    # Given a store that goes wrong in any way at the first requests
    inner = made()
    store = FaultyStore(inner, faults, blind)
    log = log_of(store)
    commit = step(APP, 0, 5)
    # When the commit is given to the log, and again for as long as nobody knows
    for _ in range(100):
        with suppress(OutcomeUnknown, StoreUnavailable):
            log.refresh()
        try:
            log.commit(commit)
        except OutcomeUnknown:
            continue
        except StoreUnavailable:
            # Then "nothing was written" is true, also after everything has arrived
            store.settle()
            assert files(inner) == []
            return
        break
    # Then it is there once, also after everything has arrived
    store.settle()
    assert files(inner) == [add.path for add in commit.adds]


@SETTLED
@given(st.lists(st.sampled_from(Fault), max_size=14), st.integers(0, 4))
def test_a_process_that_gives_up_leaves_no_gap_and_no_copy(faults: list[Fault], blind: int) -> None:
    # Given a process that ended with its commit's outcome unknown
    inner = made()
    store = FaultyStore(inner, faults, blind)
    for _ in range(100):
        # When the next one begins where the table says, again and again
        try:
            log = log_of(store)
            reached = log.refresh().txns.get(APP, 0)
            if reached == 12:
                break
            log.commit(step(APP, reached, reached + 4))
        except (OutcomeUnknown, StoreUnavailable, Fenced):
            continue
    # Then the files follow one another without gap or overlap
    store.settle()
    assert_exact(inner, {APP: 12})


def assert_exact(store: ObjectStore, ends: dict[str, int]) -> None:
    for app, end in ends.items():
        runs = [path.split(".")[-2:] for path in files(store) if f"/{app.replace('/', '-')}." in path]
        spans = [(int(first), int(last)) for first, last in runs]
        assert [first for first, _ in spans] == [0, *(last for _, last in spans[:-1])], f"{app}: {spans}"
        assert spans[-1][1] == end


OWNERS, SOURCES, END = 8, 3, 12


@pytest.mark.parametrize("seed", range(40))
def test_eight_rivals_for_three_sources_are_exact(seed: int) -> None:
    # Given owners who each believe that they own one of three sources, and a store that goes wrong now and then
    choice = random.Random(seed)
    inner = made()
    store = FaultyStore(inner, choice.choices(list(Fault), weights=[8, 1, 1, 2, 2, 2], k=400))
    # When they all write, one store call at a time, in an order that the seed gives
    rivals = [partial(own, store, f"lake/topic/{me % SOURCES}", random.Random(seed * 100 + me)) for me in range(OWNERS)]
    Turns(seed).run(rivals)
    # Then every source is in the table from its start to its end, once
    store.settle()
    assert_exact(inner, {f"lake/topic/{source}": END for source in range(SOURCES)})


def own(store: ObjectStore, app: str, choice: random.Random, wait: Callable[[], None]) -> None:
    log = log_of(TurnStore(store, wait))
    while True:
        try:
            reached = log.refresh().txns.get(app, 0)
            while reached < END:
                following = min(END, reached + choice.randint(1, 4))
                commit_until_known(log, step(app, reached, following), choice)
                reached = following
            return
        except (Fenced, OutcomeUnknown, StoreUnavailable):
            log = log_of(TurnStore(store, wait))  # as a process that ends and starts anew


def commit_until_known(log: DeltaLog, commit: Commit, choice: random.Random) -> None:
    while True:
        try:
            log.commit(commit)
            return
        except OutcomeUnknown:
            if choice.random() < 0.5:
                raise


def test_a_lost_race_with_a_stranger_is_run_again_one_version_on() -> None:
    # Given two writers of different sources who have both read version 0
    store = made()
    mine, other = log_of(store), log_of(store)
    mine.refresh()
    other.refresh()
    # When the other commits first
    other.commit(step("lake/topic/1", 0, 3))
    # Then mine is the next version
    assert mine.commit(step(APP, 0, 5)) == 2


def test_a_lost_race_for_the_same_source_is_fenced_and_writes_nothing() -> None:
    # Given two owners of one source who have both read version 0
    store = made()
    mine, other = log_of(store), log_of(store)
    mine.refresh()
    other.refresh()
    other.commit(step(APP, 0, 3))
    # When the slower one commits
    with pytest.raises(Fenced, match=APP):
        mine.commit(step(APP, 0, 5))
    # Then only the other's file is there, and to try again does not help
    with pytest.raises(Fenced, match=APP):
        mine.commit(step(APP, 0, 5))
    assert len(files(store)) == 1


def test_a_source_that_is_not_where_the_writer_left_it_is_fenced_before_anything_is_sent() -> None:
    # Given an owner that read the table before somebody else moved its source
    store = made()
    log_of(store).commit(step(APP, 0, 3))
    log = log_of(store)
    log.refresh()
    with pytest.raises(Fenced, match="is at 3"):
        log.commit(step(APP, 0, 5))


def test_nothing_else_is_done_while_a_commit_is_unsettled() -> None:
    # Given a commit of which nobody knows whether it landed
    store = FaultyStore(made(), [Fault.ANSWER_LOST], blind_reads=1)
    log = log_of(store)
    log.refresh()
    commit = step(APP, 0, 5)
    with pytest.raises(OutcomeUnknown):
        log.commit(commit)
    # When anything but this commit is asked for, it is refused
    for other in (log.refresh, lambda: log.ensure(ROWS), lambda: log.commit(step(APP, 5, 6))):
        with pytest.raises(OutcomeUnknown, match=commit.id):
            other()
    # Then the commit itself settles it
    assert log.commit(commit) == 1


@SETTLED
@given(st.lists(st.sampled_from(Fault), max_size=4))
def test_a_table_is_made_once_whatever_goes_wrong(faults: list[Fault]) -> None:
    inner = MemoryStore()
    store = FaultyStore(inner, faults)
    state = log_of(store).ensure(ROWS)
    store.settle()
    assert [column.name for column in state.columns] == ["x", "_date"]
    assert sum("metaData" in action for actions in commits(inner) for action in actions) == 1


def test_making_a_table_does_not_wait() -> None:
    pauses: list[float] = []
    DeltaLog(MemoryStore(), ROOT, pause=pauses.append).ensure(ROWS)
    assert pauses == []


def test_new_columns_are_added_as_nullable_and_old_ones_stay() -> None:
    # Given a table with a column x
    store = made()
    # When rows come that have y instead
    state = log_of(store).ensure(pa.schema([pa.field("y", pa.string(), nullable=False)]))
    # Then both are there, and both may be null
    assert [(column.name, column.nullable) for column in state.columns] == [("x", True), ("_date", True), ("y", True)]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (pa.schema([("x", pa.string())]), "x: the table holds long, the rows hold string"),
        (pa.schema([("z", pa.list_(pa.int8()))]), "z: the lake cannot hold list"),
        (pa.schema([("_date", pa.date32())]), "_date: the lake keeps this name"),
    ],
)
def test_rows_that_cannot_fit_are_refused_with_the_column_named(rows: pa.Schema, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        log_of(made()).ensure(rows)


def test_a_log_with_a_hole_is_refused() -> None:
    store = made()
    log = log_of(store)
    for first in range(3):
        log.commit(step(APP, first, first + 1))
    store.delete(commit_key(ROOT, 2))
    with pytest.raises(StoreRefused, match=r"2\.json: missing"):
        log_of(store).refresh()


def test_a_table_that_somebody_upgraded_is_refused() -> None:
    store = made()
    upgrade = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "writerFeatures": []}}
    store.put(commit_key(ROOT, 1), json.dumps(upgrade).encode())
    with pytest.raises(StoreRefused, match="asks for Delta protocol 3/7"):
        log_of(store).refresh()


@pytest.mark.parametrize(
    ("txns", "expect", "says"),
    [({APP: -1}, {APP: ABSENT}, "int64"), ({APP: 2**63}, {APP: 0}, "int64"), ({APP: 3}, {APP: 4}, "go back")],
)
def test_a_commit_that_makes_no_sense_cannot_be_built(txns: dict[str, int], expect: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Commit((), txns, expect)


def test_a_table_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound, match="there is no table"):
        log_of(MemoryStore()).refresh()
