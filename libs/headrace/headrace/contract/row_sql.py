"""Whether a SQL expression may stand in a pipeline file: it must follow from its own row alone.

Rows arrive in batches cut anywhere and may be computed again years later (design §5.6), so an expression that looks at
other rows, or at the clock, would give another answer each time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import polars as pl

_CHARACTERS = 4_000  # a chain of 20,000 terms overflows the parser's stack, which no handler survives
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
_CLOCK = re.compile(r"\b(now\s*\(|current_(?:date|time|timestamp)\b|localtime(?:stamp)?\b|today\s*\()", re.IGNORECASE)
_OTHER_ROWS = frozenset(
    {
        *("Agg", "Over", "Rolling", "Len", "Range", "Quantile", "Correlation", "Rank", "Shift", "Gather", "Explode"),
        *("SubPlan", "Selector", "Slice", "Sort", "SortBy", "Filter", "CumSum", "CumMin", "CumMax", "CumCount"),
    }
)
"""Nodes of polars' expressions that see more, or give more, than one row."""


def fault_of(sql: str) -> str:
    """Return why this cannot stand in a pipeline file; empty if it can."""
    if len(sql) > _CHARACTERS:
        return f"the expression has {len(sql)} characters, at most {_CHARACTERS} are read"
    if clock := _CLOCK.search(_QUOTED.sub("''", sql)):
        return f"{clock[0].strip(' (')} is the clock, and rows must give the same result whenever they are computed"
    try:
        tree = json.loads(pl.sql_expr(sql).meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:  # a panic is no Exception
        return f"{sql!r} is not SQL: {str(error).splitlines()[0]}"
    if _OTHER_ROWS & set(_nodes(tree)):
        return f"{sql!r} looks at other rows, and an expression may use its own row only"
    return ""


def columns_of(sql: str) -> list[str]:
    """Return the columns that an expression without fault names, in order."""
    return list(dict.fromkeys(pl.sql_expr(sql).meta.root_names()))


def _nodes(tree: Any) -> Iterator[str]:
    """The kinds of nodes in an expression's tree; what stands in literals and names is the user's own text."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)
    elif isinstance(tree, dict):
        for kind, part in tree.items():
            yield kind
            if kind not in ("Literal", "Column"):
                yield from _nodes(part)
