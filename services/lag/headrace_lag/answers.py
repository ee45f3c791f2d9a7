"""What is asked, answered from the board: an HTTP status and a body; time is a parameter."""

from __future__ import annotations

from headrace.autoscale.decision import Unknown

from headrace_lag import bodies
from headrace_lag.access import GROUP, VERSION, Attributes
from headrace_lag.board import Board, NotSeen, Unanswerable
from headrace_lag.bodies import Body, Item
from headrace_lag.figures import FIGURES
from headrace_lag.lag import Reader
from headrace_lag.selector import BadSelector, matches, parse

Answer = tuple[int, Body]


def external_metric(board: Board, wanted: Attributes, selector: str, prefix: str, now: float) -> Answer:
    """A metric of the readers in a tenant's namespace (`prefix` and the tenant's name) that the selector chooses.

    All of them or none: a sum that misses a part would be a wrong number.
    """
    metric = wanted.resource or ""
    if (wanted.group, wanted.version) != (GROUP, VERSION) or metric not in FIGURES:
        return _failure(404, f"there is no metric {metric}; there are {', '.join(FIGURES)}")
    try:
        requirements = parse(selector)
    except BadSelector as error:
        return _failure(400, str(error))
    tenant = wanted.namespace.removeprefix(prefix) if wanted.namespace.startswith(prefix) else None
    own = [reader for reader in board.readers if reader.tenant == tenant]
    chosen = [reader for reader in own if matches(requirements, _labels(reader))]
    if not chosen:
        there = ", ".join(map(str, own)) or f"none; a tenant's namespace is {prefix}<tenant>"
        why = board.not_ready(now) if not board.readers else f"readers of this namespace: {there}"
        return _failure(404, f"no reader in namespace {wanted.namespace} matches {selector!r}: {why}")
    items: list[Item] = []
    try:
        for reader in chosen:
            standing = board.answer(reader, now)
            items.append(Item(_labels(reader), FIGURES[metric](standing), standing.wall))
    except Unanswerable as error:
        return _failure(503, f"{reader}: {error}")
    return 200, bodies.values(metric, items)


def as_json(board: Board, reader: Reader, now: float) -> Answer:
    """Everything about one reader, for KEDA's metrics-api and for people."""
    try:
        standing = board.answer(reader, now)
    except NotSeen as error:
        return 404, {"error": str(error)}
    except Unanswerable as error:
        return 503, {"error": str(error)}
    decision, lag = standing.decision, standing.lag
    rows = lag.rows
    body: Body = {
        "lag": {
            "rows": None if rows is None else rows.rows,
            "rows_estimated": None if rows is None else not rows.exact,
            "seconds": lag.seconds,
            "messages": lag.messages,
        },
        "age_seconds": round(now - standing.at, 3),
        "cause": decision.cause,
        "reason": decision.reason,
    }
    if isinstance(decision, Unknown):
        return 503, {"error": f"the number of replicas cannot be named: {decision.reason}", **body}
    return 200, {"desired_replicas": decision.replicas, **body, "warnings": list(decision.warnings)}


def _labels(reader: Reader) -> dict[str, str]:
    return {"pipeline": reader.pipeline, "service": reader.service}


def _failure(code: int, message: str) -> Answer:
    return code, bodies.status(code, message)
