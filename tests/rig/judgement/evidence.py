"""Everything that a judgement is based on, as plain data: gathered once, and judged as often as you like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rig.judgement.arrow_rows import Row
from rig.judgement.content import Record
from rig.judgement.words import Finding
from rig.oracle.ledger import Ledger

Place = tuple[str, int]
"""A topic and one of its partitions."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the groups had committed at a moment, and where the topics ended right after (`at`: Unix seconds)."""

    at: float
    committed: Mapping[str, Mapping[Place, int]]  # service → place → offset
    ends: Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class DeltaCommit:
    """One file of a table's log."""

    version: int
    actions: Sequence[Mapping[str, Any]]  # Any: lines of JSON


@dataclass(frozen=True, slots=True)
class TableEvidence:
    """A Delta table: its log, the files that a reader lists, the objects that are there, and the rows in them."""

    name: str  # as in cleaned/orders
    commits: Sequence[DeltaCommit]
    listed: frozenset[str]  # paths below the table, by deltalake
    present: Mapping[str, datetime]  # path → when it was written
    rows: Mapping[str, Sequence[Row]]  # path → rows


@dataclass(slots=True)
class Evidence:
    """What was found. `instruments`: service → what each of its instances showed at /metrics."""

    ledger: Ledger
    topics: dict[str, list[list[Record]]]
    ends: dict[Place, int] = field(default_factory=dict)
    committed: dict[str, dict[Place, int]] = field(default_factory=dict)  # service → place → offset
    samples: list[Sample] = field(default_factory=list)
    tables: dict[str, TableEvidence] | None = None
    snapshots: dict[tuple[str, str, int], int] = field(default_factory=dict)  # (stage, topic, partition) → newest
    models: dict[tuple[str, int], bytes] = field(default_factory=dict)  # (model, version) → ONNX
    topic_ids: dict[str, str] = field(default_factory=dict)
    gathered: datetime | None = None
    instruments: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)  # where a secret must not be: logs, metrics, command lines
    secrets: dict[str, str] = field(default_factory=dict)  # name → value
    extra: list[Finding] = field(default_factory=list)  # what others have found: zombies, liveness, memory
