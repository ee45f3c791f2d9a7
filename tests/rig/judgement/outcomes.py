"""What must become of a row at a stage: it is kept, it is rejected with a reason, or it is dropped on purpose."""

from __future__ import annotations

from dataclasses import dataclass

from rig.judgement.arrow_rows import Row
from rig.judgement.content import Identity

RAW_LIMIT = 1 << 20
"""Bytes of a rejected record that quarantine keeps."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The row goes on, as this."""

    identity: Identity
    row: Row


@dataclass(frozen=True, slots=True)
class Rejected:
    """The row goes to quarantine; `raw` None where its bytes are gone and a JSON of `row` stands in for them."""

    identity: Identity
    reason: str
    rule: str | None
    raw: bytes | None = None
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """The row ends here, counted under this outcome."""

    identity: Identity
    outcome: str


Outcome = Kept | Rejected | Dropped
