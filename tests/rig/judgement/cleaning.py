"""The clean steps, one row after the other."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any

from rig.judgement.arrow_rows import Row
from rig.judgement.content import identity_of
from rig.judgement.expressions import Failed, evaluate
from rig.judgement.facts import Stream, duration
from rig.judgement.outcomes import Dropped, Kept, Outcome, Rejected
from rig.judgement.raw_rows import Misfit, single

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]+")
_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_FORMS: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "nfc": partial(unicodedata.normalize, "NFC"),
}


class Cleaner:
    """One ingested partition of a stream; what it remembers are the keys of drop_duplicates."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._seen = {place: Seen() for place, step in enumerate(stream.clean) if "drop_duplicates" in step}
        self._never_null = {name for name, column in stream.columns.items() if not column.nullable}
        for step in stream.clean:
            self._never_null -= set(step.get("derive", ()))
            self._never_null |= set(step.get("fill", ()))

    def clean(self, ingested: Row) -> Outcome:
        """What must become of the next row of the partition."""
        row = dict(ingested)
        me = identity_of(row)
        for step in self._stream.clean:
            ((verb, said),) = step.items()
            outcome = self._step(verb, said, row, ingested)
            if outcome is not None:
                return outcome
        for name in self.columns():
            if name in self._never_null and row[name] is None:
                return Rejected(me, "not_null", name, row=ingested)
        for place, seen in self._seen.items():
            said = self._stream.clean[place]["drop_duplicates"]
            time = row[self._stream.event_time]
            if seen.repeats([row[name] for name in said["by"]], time, duration(said["within"])):
                return Dropped(me, "duplicates")
        return Kept(me, row)

    def columns(self) -> list[str]:
        """The columns of a cleaned row, in order, without its identity."""
        derived = [name for step in self._stream.clean for name in step.get("derive", ())]
        return list(dict.fromkeys([*self._stream.columns, *derived]))

    def _step(self, verb: str, said: Any, row: Row, before: Row) -> Outcome | None:
        me = identity_of(row)
        match verb:
            case "require":
                unmet = Rejected(me, "requirement", said["name"], row=before)
                return self._judge(said["that"], row, said["name"], unmet, before)
            case "filter":
                return self._judge(said, row, "filter", Dropped(me, "filtered"), before)
            case "derive":
                for name, sql in said.items():
                    try:
                        row[name] = evaluate(sql, row)
                    except Failed:
                        return Rejected(me, "expression", name, row=before)
            case "drop_duplicates":
                pass  # the last thing that happens, among the rows that everything else keeps
            case _:
                try:
                    self._change(verb, said, row)
                except NoCast as error:
                    return Rejected(me, "cast", str(error), row=before)
        return None

    def _judge(self, sql: str, row: Row, rule: str, otherwise: Outcome, before: Row) -> Outcome | None:
        """What becomes of a row by a condition: null is not true."""
        try:
            return None if evaluate(sql, row) is True else otherwise
        except Failed:
            return Rejected(identity_of(row), "expression", rule, row=before)

    def _change(self, verb: str, said: Any, row: Row) -> None:
        match verb:
            case "trim":
                for name in said:
                    row[name] = None if row[name] is None else row[name].strip()
            case "normalise":
                for name, form in said.items():
                    row[name] = None if row[name] is None else _FORMS[form](row[name])
            case "fill":
                for name, value in said.items():
                    if row[name] is None:
                        row[name] = self._as_typed(name, value)
            case "cast":
                for name, type_ in said.items():
                    row[name] = _cast(row[name], type_, name)
            case _:
                raise AssertionError(f"the judge knows no step {verb}")

    def _as_typed(self, name: str, text: str) -> Any:
        type_ = self._stream.columns[name].type
        for step in self._stream.clean:
            type_ = step.get("cast", {}).get(name, type_)
        if type_ == "string":
            return text
        if type_ == "bool":
            return text == "true"
        return int(text) if type_ in _BITS else float(text)


class Seen:
    """What a drop_duplicates step has let through: a row repeats one that was kept at most `within` away.

    One that lies more than `within` behind the largest event time so far is forgotten.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], int] = {}
        self._largest: int | None = None

    def repeats(self, key: list[Any], time: int, within: int) -> bool:
        """Whether a row repeats an earlier one; if not, it is remembered. A key with a null in it never repeats."""
        found = False
        if None not in key:
            kept = self._kept.get(tuple(key))
            remembered = kept is not None and (self._largest is None or kept >= self._largest - within)
            if kept is not None and remembered and abs(time - kept) <= within:
                found = True
            elif kept is not None and remembered:
                self._kept[tuple(key)] = max(kept, time)
            else:
                self._kept[tuple(key)] = time
        self._largest = time if self._largest is None else max(self._largest, time)
        return found


class NoCast(Exception):
    """A value does not fit the type it is cast to; says which column."""


def _cast(value: Any, type_: str, name: str) -> Any:
    if value is None:
        return None
    if type_ in _BITS:
        whole = _whole(value)
        half = 2 ** (_BITS[type_] - 1)
        if whole is None or not -half <= whole < half:
            raise NoCast(name)
        return whole
    if type_ in ("float32", "float64"):
        if isinstance(value, str) and not _NUMBER.fullmatch(value):
            raise NoCast(name)
        try:
            number = float(value) if type_ == "float64" else single(float(value))
        except Misfit:
            raise NoCast(name) from None
        if not math.isfinite(number):
            raise NoCast(name)
        return number
    raise AssertionError(f"the judge casts nothing to {type_}")


def _whole(value: Any) -> int | None:
    if isinstance(value, str):
        return int(value) if _WHOLE.fullmatch(value) else None
    return int(value) if value == int(value) else None
