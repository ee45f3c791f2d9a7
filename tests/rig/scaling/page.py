"""docs/scaling.md: the words of `text` and the figures of the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields

from headrace.autoscale.policy import Policy

from rig.scaling import text
from rig.scaling.cases import CASES, LOAD_STEP, Case
from rig.scaling.compare import THRESHOLD_S, compared
from rig.scaling.lag_service import EVERY_S
from rig.scaling.run import DRAINED_S, SYNC_S, Outcome

_HEAD = ("", "drained s", "late s", "replica-minutes", "rescales", "direction changes", "most", "end")
_CHEAPER = 0.95  # less than that part of the replica-minutes is cheaper
_SOONER_S = 10


def page() -> str:
    """The whole page; takes some seconds."""
    outcomes = {case: compared(case) for case in CASES}
    parts = [
        "# Scaling",
        "Written by `make scaling`; the tables come from the model as the code is.",
        text.MATHS.rstrip(),
        "## What is not a matter of replicas",
        _table(("what is seen", "what is answered"), text.GUARDS.items()),
        "## Settings\n\nTimes in seconds, rates in rows a second.",
        _table(("setting", "default", "what it is", "what it costs"), map(_setting, fields(Policy))),
        text.HPA.rstrip(),
        _model().rstrip(),
        *(f"### {case.name}\n\n{case.story}\n\n{case_table(case, found)}" for case, found in outcomes.items()),
        "## Where a rival does better\n\nBy more than 10 s or a twentieth of the replica-minutes, in the tables above.",
        "\n".join(better(outcomes)),
        text.LESSONS.rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


def case_table(case: Case, outcomes: Sequence[Outcome]) -> str:
    """A case's table, one line for each rule."""
    return _table(_HEAD, (_line(case, outcome) for outcome in outcomes))


def better(outcomes: Mapping[Case, Sequence[Outcome]]) -> list[str]:
    """Every rival that was sooner, less late or cheaper than Headrace, and by how much."""
    lines = []
    for case, (ours, *rivals) in outcomes.items():
        found = [f"{rival.rule.name} {how}" for rival in rivals if (how := _how(case, rival, ours))]
        if found:
            lines.append(f"- {case.name}: " + "; ".join(found) + ".")
    return lines


def _how(case: Case, rival: Outcome, ours: Outcome) -> str:
    theirs, mine = rival.drained_s(case.since_s), ours.drained_s(case.since_s)
    found = []
    if theirs is not None and (mine is None or theirs < mine - _SOONER_S):
        found.append(f"drained in {theirs:.0f} s against {_seconds(mine)}")
    if rival.late_s < ours.late_s - _SOONER_S:
        found.append(f"late for {rival.late_s} s against {ours.late_s}")
    if rival.replica_minutes < ours.replica_minutes * _CHEAPER:
        found.append(f"{rival.replica_minutes:.0f} replica-minutes against {ours.replica_minutes:.0f}")
    return ", ".join(found)


def _line(case: Case, outcome: Outcome) -> tuple[object, ...]:
    return (
        outcome.rule.name,
        _seconds(outcome.drained_s(case.since_s)),
        outcome.late_s,
        f"{outcome.replica_minutes:.0f}",
        outcome.rescales,
        outcome.direction_changes,
        max(outcome.counts),
        outcome.counts[-1],
    )


def _setting(field: Field[float]) -> tuple[str, ...]:
    meaning, cost = text.SETTINGS[field.name]
    return f"`{field.name}`", "required" if field.default is MISSING else f"{field.default:g}", meaning, cost


def _model() -> str:
    setting = LOAD_STEP.setting
    return text.MODEL.format(
        partitions=setting.partitions,
        rate=setting.rate_rows_s,
        start=setting.start_s,
        latest=setting.start_s * 1.25,
        rebalance=setting.rebalance_s,
        sync=SYNC_S,
        every=EVERY_S,
        threshold=THRESHOLD_S,
        drained=DRAINED_S,
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f}"
