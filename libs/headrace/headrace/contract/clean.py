"""The steps of a stream's `clean` list, as types: each is a mapping with one key, its name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from headrace.contract.columns import ColumnType
from headrace.contract.fields import Duration, Name, Part


class Requirement(Part):
    """Rows for which `that` (SQL) is not true are rejected under this name."""

    name: str = Field(min_length=1)
    """What the rejected rows are found by in quarantine."""
    that: str = Field(min_length=1)
    """SQL over the row; null is not true."""


class DuplicateWindow(Part):
    """Rows whose `by` columns were seen within this stretch of event time are dropped and counted."""

    by: tuple[Name, ...] = Field(min_length=1)
    """The columns that tell two events apart."""
    within: Duration
    """How far apart in event time two rows can be one event."""


class Require(Part):
    """Reject rows that do not meet a condition."""

    require: Requirement
    """Reject rows that do not meet a condition."""


class Filter(Part):
    """Drop rows, on purpose and counted, for which this SQL is not true."""

    filter: str = Field(min_length=1)
    """Drop, on purpose and counted, rows for which this SQL is not true."""


class Derive(Part):
    """Add or replace columns by SQL over the row."""

    derive: dict[Name, str] = Field(min_length=1)
    """Add or replace columns: SQL over the row, by name."""


class Fill(Part):
    """Put a value where a column is null."""

    fill: dict[Name, str | int | float | bool] = Field(min_length=1)
    """Put a value where a column is null."""


class Cast(Part):
    """Change a column's type; a value that does not fit is rejected, never nulled."""

    cast: dict[Name, ColumnType] = Field(min_length=1)
    """Change columns' types; a row with a value that does not fit is rejected."""


class Trim(Part):
    """Remove white space at both ends of text."""

    trim: tuple[Name, ...] = Field(min_length=1)
    """Remove white space at both ends of these columns."""


class Normalise(Part):
    """Bring text into one form: `upper`, `lower` or Unicode `nfc`."""

    normalise: dict[Name, Literal["upper", "lower", "nfc"]] = Field(min_length=1)
    """Bring text into one form: `upper`, `lower` or Unicode `nfc`."""


class DropDuplicates(Part):
    """Drop rows that repeat an earlier kept one within a keyed window of event time; always the last that happens."""

    drop_duplicates: DuplicateWindow
    """Drop rows that repeat an earlier kept one within a window of event time; wherever it stands, it is done last."""


RowStep = Require | Filter | Derive | Fill | Cast | Trim | Normalise
"""What looks at one row alone."""

CleanStep = RowStep | DropDuplicates
