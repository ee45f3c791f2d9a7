"""The metrics that are answered with, by name; each a figure of one reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headrace.autoscale.decision import Unknown

from headrace_lag.board import Standing, Unanswerable


def _desired(standing: Standing) -> float:
    decision = standing.decision
    if isinstance(decision, Unknown):
        raise Unanswerable(f"the number of replicas cannot be named: {decision.reason}")
    return decision.replicas


def _rows(standing: Standing) -> float:
    rows = standing.lag.rows
    if rows is None:
        raise Unanswerable("the rows that wait are not known: their messages do not say, or were not read yet")
    return rows.rows


def _seconds(standing: Standing) -> float:
    seconds = standing.lag.seconds
    if seconds is None:
        raise Unanswerable("the age of the oldest message is not known: it was not read yet")
    return seconds


def _messages(standing: Standing) -> float:
    return standing.lag.messages


FIGURES: Mapping[str, Callable[[Standing], float]] = {
    "headrace_desired_replicas": _desired,
    "headrace_lag_rows": _rows,
    "headrace_lag_seconds": _seconds,
    "headrace_lag_messages": _messages,
}
"""Each raises Unanswerable where there is no such figure now."""
