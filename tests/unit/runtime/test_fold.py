"""A partition as a fold: what each step sends, who is told progress, and what is left out of it."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.runtime.fold import Fold, Output, Routes
from headrace.runtime.marks import Heard
from headrace.runtime.outbox import Send
from headrace.runtime.stage import Effects, Item, Snapshot, State
from headrace.runtime.stage import Output as StageOutput
from headrace.wire import gate
from headrace.wire.headers import Progress
from headrace.wire.position import Position
from unit.runtime.parts import CURRENT, OTHER, ROUTES, SCHEMA, WRITER, Passing, Read, message, table


def fold(stage: Passing, *, position: int = 0, routes: Routes = ROUTES, snapshot: Snapshot | None = None) -> Fold:
    marks = {WRITER: Heard(Position(2), CURRENT)} if position else {}
    return Fold(stage, stage.source, 0, routes, position=position, marks=marks, snapshot=snapshot)


def rows(send: Send) -> list[int]:
    numbers: list[int] = gate.admit(send.message.value, send.message.headers, SCHEMA)["n"].to_pylist()
    return numbers


def sent(output: Output) -> dict[tuple[str, int], list[int]]:
    """The rows of each place; empty where it was only told the progress."""
    return {send.place: rows(send) for send in output.sends if send.place[0] == "out"}


def test_a_step_sends_one_message_to_each_partition() -> None:
    output = fold(Passing()).step([message(0, 0, [[1, 2]]), message(1, 1, [[4]])], 2, at_end=False)
    assert sent(output) == {("out", 0): [2, 4], ("out", 1): [1]}


def test_a_message_says_which_input_it_is_made_from() -> None:
    output = fold(Passing()).step([message(0, 0, [[2]]), message(1, 1, [[1]]), message(2, 2, [[4]])], 3, at_end=False)
    origin = output.sends[0].message.headers.origin
    assert str(origin) == "passing in 0 0 3 1,0,1"


def test_the_position_is_after_what_was_taken_control_records_too() -> None:
    folding = fold(Passing())
    folding.step([message(0, 0, [[1]])], 5, at_end=False)
    assert folding.position == 5


def test_an_owner_that_starts_tells_everybody() -> None:
    assert sent(fold(Passing()).step([], 0, at_end=True)) == {("out", 0): [], ("out", 1): []}


def test_who_gets_no_rows_is_told_while_the_stage_is_behind_and_has_news() -> None:
    # Given a stage that has told everybody where it is
    folding = fold(Passing())
    folding.step([message(0, 0, [[1]])], 1, at_end=False)
    # When it has rows for one partition, and for the others that it is current now
    output = folding.step([message(1, 1, [[2]], progress=CURRENT)], 2, at_end=True)
    # Then all of them hear it
    assert sent(output) == {("out", 0): [2], ("out", 1): []}


def test_who_gets_no_rows_is_not_told_the_same_twice() -> None:
    folding = fold(Passing())
    folding.step([message(0, 0, [[1]])], 1, at_end=False)
    assert sent(folding.step([message(1, 1, [[2]])], 2, at_end=False)) == {("out", 0): [2]}


def test_a_stage_that_stays_current_disturbs_nobody() -> None:
    # Given everybody knows that it is current
    folding = fold(Passing())
    folding.step([message(0, 0, [[1]], progress=CURRENT)], 1, at_end=True)
    # When it takes a row and is current again
    output = folding.step([message(1, 1, [[2]], progress=CURRENT)], 2, at_end=True)
    # Then only the partition that the row goes to hears of it
    assert sent(output) == {("out", 0): [2]}


def test_progress_told_by_an_empty_step_covers_no_input() -> None:
    folding = fold(Passing())
    folding.step([message(0, 0, [[1]])], 1, at_end=False)
    output = folding.step([], 1, at_end=True)
    assert [str(send.message.headers.origin) for send in output.sends] == []  # still behind: its origin is
    assert folding.position == 1


def test_rejected_rows_and_refused_messages_go_to_quarantine_in_the_order_of_the_input() -> None:
    output = fold(Passing()).step([message(0, 0, [[13]]), Read(1), message(2, 1, [[13]])], 3, at_end=False)
    assert output.rejected == 3
    assert str(output.sends[-1].message.headers.origin) == "passing in 0 0 3 1x3"


def test_rows_that_were_seen_are_counted_and_not_sent() -> None:
    output = fold(Passing(), position=4).step([message(4, 0, [[1], [2], [3]])], 5, at_end=False)
    assert (output.replayed, sent(output)) == (2, {("out", 0): [], ("out", 1): [3]})


def test_a_large_output_is_split_and_only_the_last_part_tells_the_progress() -> None:
    # Given messages of at most 1,600 bytes, which hold a few rows
    routes = Routes(ROUTES.schemas, "quarantine", 1, 1600)
    # When one step has many rows for one partition
    output = fold(Passing(), routes=routes).step([message(0, 0, [range(0, 2000, 2)])], 1, at_end=False)
    parts = [send for send in output.sends if send.place == ("out", 0)]
    # Then each part is small enough, all rows are there in order, and no part claims the time before the last
    assert len(parts) > 1
    assert max(len(part.message.value) for part in parts) <= 1600
    assert [n for part in parts for n in rows(part)] == list(range(0, 2000, 2))
    assert {part.message.headers.progress for part in parts[:-1]} == {Progress(None, behind=True)}
    assert parts[-1].message.headers.progress == Progress(5, behind=True)


def test_the_parts_of_a_step_follow_each_other_without_a_gap() -> None:
    routes = Routes(ROUTES.schemas, "quarantine", 1, 1600)
    output = fold(Passing(), routes=routes).step([message(0, 0, [range(0, 2000, 2)])], 1, at_end=False)
    origins = [send.message.headers.origin for send in output.sends if send.place == ("out", 0)]
    assert [each.next for each in origins[:-1]] == [each.first for each in origins[1:]]


class Large(Passing):
    """A stage that makes one row too large for any message out of every row."""

    def open(self, topic: str, partition: int, snapshot: Snapshot | None) -> LargeState:  # type: ignore[override]
        return LargeState()


class LargeState(State):
    def step(self, items: Sequence[Item], *, at_end: bool) -> Effects:
        made = pa.concat_tables([table([(2, "x" * 90_000)]), table([(4, "")])])
        return Effects([StageOutput("out", 0, made, np.array([0, 0]), "")])

    def snapshot(self) -> None:
        return None


def test_a_row_that_no_message_can_hold_goes_to_quarantine_and_its_neighbours_go_on() -> None:
    output = fold(Large()).step([message(0, 0, [[1]])], 1, at_end=False)
    assert sent(output)[("out", 0)] == [4]
    assert output.rejected == 1


def test_a_message_that_is_refused_may_be_larger_than_any_that_is_sent() -> None:
    # Given messages of at most 64 KiB, and a record of twice as many bytes that nobody can read
    routes = Routes(ROUTES.schemas, "quarantine", 1, 1 << 16)
    noise = random.Random(1).randbytes(1 << 17)
    # When it is refused
    output = fold(Passing(), routes=routes).step([Read(0, noise)], 1, at_end=False)
    # Then as much of it as fits is in quarantine
    told = output.sends[-1].message
    assert (output.rejected, len(told.value) <= 1 << 16) == (1, True)
    raw = gate.admit(told.value, told.headers, QUARANTINE_SCHEMA)["raw"][0].as_py()
    assert raw == noise[: 1 << 15]


def test_a_state_without_a_snapshot_is_reminded_of_what_its_origins_said_last() -> None:
    # Given marks that came with a commit: the writer was current, and will not say so twice
    stage = Passing()
    folding = fold(stage, position=4)
    # When the new owner finds nothing more
    output = folding.step([], 4, at_end=True)
    # Then it is current too
    assert {send.message.headers.progress.behind for send in output.sends} == {False}


def test_a_state_with_a_snapshot_remembers_by_itself() -> None:
    stage = Passing(keeps=True)
    fold(stage, position=4, snapshot={"plan": pa.table({"name": ["plan"], "seen": [3]})})
    assert stage.states[-1].told == []


def test_raw_records_go_to_the_stage_as_they_are() -> None:
    stage = Passing(raw=True)
    folding = Fold(stage, stage.source, 0, ROUTES, position=0, marks={}, snapshot=None)
    assert sent(folding.step([Read(0, b"2"), Read(1, None)], 2, at_end=False)) == {("out", 0): [2, 0], ("out", 1): []}
    assert folding.marks == {}


def test_a_message_of_another_schema_is_refused() -> None:
    bad = message(0, 0, [[1]])
    headers = tuple((name, b"0" * 16 if name == "headrace-schema" else value) for name, value in bad.headers)
    output = fold(Passing()).step([Read(0, bad.value, headers)], 1, at_end=False)
    assert output.rejected == 1


def test_two_origins_do_not_hide_each_other() -> None:
    folding = fold(Passing(), position=4)
    output = folding.step([message(4, 0, [[1]], origin=OTHER)], 5, at_end=False)
    assert sent(output)[("out", 1)] == [1]
    assert set(folding.marks) == {WRITER, OTHER}
