"""The columns that a row is known to have, and whether names and SQL in the pipeline file fit them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from headrace.contract import row_sql
from headrace.contract.cleaned import CleanColumn, expression_type
from headrace.contract.columns import ColumnType
from headrace.contract.errors import PlanError
from headrace.contract.mistake import Mistake, Path, unknown

Named = tuple[str | int, str | None]
"""A name in the file and its place in the list or mapping around it; None where it could not be read."""


def listed(names: Iterable[str | None]) -> Iterator[Named]:
    """Names as a list has them."""
    yield from enumerate(names)


def keyed(names: Iterable[str]) -> Iterator[Named]:
    """Names as a mapping's keys."""
    return ((name, name) for name in names)


@dataclass(frozen=True, slots=True)
class Row:
    """None stands for a column of unknown type; a row that is not `complete` may have columns that are not here."""

    columns: Mapping[str, CleanColumn | None]
    complete: bool

    def type_of(self, name: str | None) -> ColumnType | None:
        """The type of a column; None where nobody can say."""
        column = None if name is None else self.columns.get(name)
        return None if column is None else column.type

    def names(self, path: Path, names: Iterable[Named], why: str = "") -> Iterator[Mistake]:
        """What is wrong with names that must be columns."""
        for place, name in names:
            if name is not None and name not in self.columns and self.complete:
                yield unknown((*path, place), "column", name, self.columns, why)

    def sql(self, path: Path, sql: str) -> tuple[ColumnType | None, list[Mistake]]:
        """The type of an expression, None where nobody can say, and what is wrong with it."""
        if fault := row_sql.fault_of(sql):
            return None, [Mistake(path, fault)]
        names = row_sql.columns_of(sql)
        strange = [unknown(path, "column", name, self.columns) for name in names if name not in self.columns]
        if strange:
            return None, strange if self.complete else []
        columns = {name: column for name, column in self.columns.items() if column is not None}
        if not columns.keys() >= set(names):
            return None, []
        try:
            return expression_type(sql, columns), []
        except PlanError as error:
            return None, [Mistake(path, str(error))]

    def condition(self, path: Path, sql: str) -> Iterator[Mistake]:
        """What is wrong with SQL that must be true or false."""
        type_, wrong = self.sql(path, sql)
        yield from wrong
        if type_ not in (None, ColumnType.BOOL):
            yield Mistake(path, f"{sql!r} gives {type_}, expected a condition (bool)", "compare it with something")


def twice(path: Path, names: Iterable[Named]) -> Iterator[Mistake]:
    """Names that stand in a list again."""
    seen: set[str] = set()
    for place, name in names:
        if name in seen:
            yield Mistake((*path, place), f"{name!r} stands here again", "name it once")
        if name is not None:
            seen.add(name)
