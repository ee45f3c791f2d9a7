"""The laws that every stage obeys, whatever it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from headrace.contract.quarantine import QUARANTINE_SCHEMA
from headrace.runtime.stage import Arrival, Item, State
from headrace_feature_engineering.app import outputs as feature_outputs
from hypothesis import given, settings
from hypothesis import strategies as st
from laws.cases import CASES, PLAN, Case

Rows = dict[tuple[str, int], pa.Table]

CUTS = st.lists(st.integers(1, 59), max_size=8, unique=True).map(sorted)
SCHEMAS = {
    PLAN.topics.ingested("orders"): PLAN.ingested_schema("orders"),
    PLAN.logs[0].topic: PLAN.logs[0].schema,
    **feature_outputs(PLAN),
    PLAN.topics.predictions("big"): PLAN.predictions_schema("big"),
}


class Run:
    """A state that was given its items in some cuts, and everything it has put out."""

    def __init__(self, case: Case, state: State | None = None) -> None:
        self.case = case
        self.state = state or case.stage.open(case.topic, 0, None)
        self.state.refresh()  # as the runtime does before every step
        self.outputs: Rows = {}
        self.rejected = QUARANTINE_SCHEMA.empty_table()
        self.counts: Counter[str] = Counter()

    def step(self, items: Sequence[Item]) -> None:
        effects = self.state.step(items, at_end=False)
        self.counts += effects.counts
        if effects.rejected is not None:
            self.rejected = pa.concat_tables([self.rejected, effects.rejected])
        offsets = {item.offset for item in items}
        for output in effects.outputs:
            assert output.rows.schema.equals(SCHEMAS[output.topic], check_metadata=False)
            assert len(output.caused_by) == output.rows.num_rows
            assert (np.diff(output.caused_by) >= 0).all()
            assert set(output.caused_by.tolist()) <= offsets
            place = (output.topic, output.partition)
            before = self.outputs.get(place, output.rows.slice(0, 0))
            self.outputs[place] = pa.concat_tables([before, output.rows])

    def steps(self, items: Sequence[Item], cuts: Sequence[int]) -> Run:
        for start, end in zip([0, *cuts], [*cuts, len(items)], strict=True):
            self.step(items[start:end])
        return self

    def result(self) -> tuple[dict[tuple[str, int], list[object]], list[object], object]:
        """What must not depend on the cuts; empty outputs are as good as none."""
        outputs = {place: rows.to_pylist() for place, rows in sorted(self.outputs.items()) if rows.num_rows}
        snapshot = self.state.snapshot()
        state = None if snapshot is None else {name: table.to_pylist() for name, table in snapshot.items()}
        return outputs, self.rejected.to_pylist(), state


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def whole(case: Case) -> Run:
    return Run(case).steps(case.items, [])


def rows_in(items: Sequence[Item]) -> int:
    return sum(item.rows.num_rows if isinstance(item, Arrival) else 1 for item in items)


def test_the_same_items_give_the_same_rows(case: Case) -> None:
    assert whole(case).result() == whole(case).result()


@given(cuts=CUTS)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_cuts_change_nothing(case: Case, cuts: list[int]) -> None:
    assert Run(case).steps(case.items, cuts).result() == whole(case).result()


@given(cut=st.integers(1, 59))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_restart_from_a_snapshot_changes_nothing(case: Case, cut: int) -> None:
    # Given a state that was saved in mid-stream
    first = Run(case)
    first.step(case.items[:cut])
    saved = first.state.snapshot()
    second = Run(case, case.stage.open(case.topic, 0, saved))
    # When another owner goes on from there
    second.outputs, second.rejected = first.outputs, first.rejected
    second.step(case.items[cut:])
    # Then all is as if nothing had happened
    assert second.result() == whole(case).result()


def test_an_empty_step_changes_nothing(case: Case) -> None:
    run = Run(case)
    run.step([])
    run.step(case.items)
    run.step([])
    assert run.result() == whole(case).result()


def test_every_row_is_kept_rejected_or_counted(case: Case) -> None:
    run = whole(case)
    features = case.poison is None
    if features:  # rows wait here for their order, and the first log sends a request on while the last lets it out
        applied = run.counts["applied"]
        snapshot = run.state.snapshot()
        assert snapshot is not None
        assert applied + snapshot["waiting"].num_rows == rows_in(case.items)
        assert sum(rows.num_rows for rows in run.outputs.values()) == applied
    else:
        kept = sum(rows.num_rows for rows in run.outputs.values())
        counted = sum(run.counts[name] for name in case.keeps_all)
        assert kept + run.rejected.num_rows + counted == rows_in(case.items)


@pytest.mark.parametrize("place", [0, 17, 59])
def test_a_poisoned_row_rejects_only_itself(case: Case, place: int) -> None:
    if case.poison is None:
        assert whole(case).rejected.num_rows == 0
        return
    # Given a bad row in the place of an offset that nothing else has
    poison = case.poison(case.items[place].offset)
    run = Run(case).steps([*case.items[:place], poison, *case.items[place:]], [])
    # Then it is rejected, and everything else is as without it
    clean = whole(case).result()
    assert run.result()[0] == clean[0]
    assert run.rejected.num_rows == len(clean[1]) + 1
