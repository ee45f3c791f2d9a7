"""The SQL of the campaign's pipeline, each said once more in Python: null is None, and a condition on null is null."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rig.judgement.arrow_rows import Row

_WHOLE = re.compile(r"[+-]?[0-9]+")


class Failed(Exception):
    """The expression cannot be computed for this row."""


def evaluate(sql: str, row: Row) -> Any:
    """The value of an expression of the campaign's pipeline; raises Failed, and LookupError for any other SQL."""
    return _MEANING[sql](row)


def _compare(name: str, holds: Callable[[Any], bool]) -> Callable[[Row], bool | None]:
    return lambda row: None if row[name] is None else holds(row[name])


def _value(row: Row) -> float | None:
    return None if None in (row["amount"], row["quantity"]) else float(row["amount"]) * float(row["quantity"])


def _whole(row: Row) -> int | None:
    text = row["code"]
    if text is None:
        return None
    if not _WHOLE.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise Failed
    return int(text)


_MEANING: dict[str, Callable[[Row], Any]] = {
    "channel <> 'test'": _compare("channel", lambda text: text != "test"),
    "quantity > 0": _compare("quantity", lambda number: number > 0),
    "amount * quantity": _value,
    "amount > 500": _compare("amount", lambda number: number > 500),
    "CAST(code AS BIGINT)": _whole,
    "bot IS NULL OR NOT bot": lambda row: row["bot"] is None or not row["bot"],
    "visitor <> 'NOBODY'": _compare("visitor", lambda text: text != "NOBODY"),
}
