"""Where a partition begins: the newest good snapshot, else the committed offset, else the start of the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from headrace.contract.errors import DataLoss, SnapshotError
from headrace.runtime import marks as committed_marks
from headrace.runtime.fold import Fold, Routes
from headrace.runtime.marks import Heard
from headrace.runtime.snapshots import Snapshots
from headrace.runtime.stage import Input, Snapshot, Stage
from headrace.wire.origin import OriginKey

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Committed:
    """A group's committed offset and the text beside it."""

    offset: int
    metadata: str


@dataclass(frozen=True, slots=True)
class Opening:
    """Everything that a partition's beginning depends on; `log_start` is the oldest offset that still exists."""

    stage: Stage
    source: Input
    partition: int
    routes: Routes
    snapshots: Snapshots
    committed: Committed | None
    log_start: int

    def open(self) -> tuple[Fold, bool]:
        """The fold at its beginning, and whether it keeps snapshots. Blocking: reads the object store.

        Raises DataLoss where the log starts beyond it, SnapshotError for marks of another plan, StoreError.
        """
        fold = self._from_snapshot()
        if fold is not None:
            return fold, True
        fold = self._fold(self.log_start, {}, None)
        if fold.snapshot() is not None:
            if self.committed is not None and self.log_start > 0:
                raise DataLoss(
                    f"{self._where}: no usable snapshot, and the log no longer begins at 0 but at {self.log_start}:"
                    " its state must be backfilled"
                )
            return fold, True
        if self.committed is None:
            return fold, False
        known = self.stage.origins(self.source.topic, self.partition)
        marks = {} if self.source.schema is None else committed_marks.decode(self.committed.metadata, known)
        return self._fold(self.committed.offset, marks, None), False

    def _from_snapshot(self) -> Fold | None:
        for saved in self.snapshots.newest_first():
            try:
                if isinstance(saved, SnapshotError):
                    raise saved
                return self._fold(saved.offset, saved.marks, saved.state)
            except SnapshotError as error:
                _log.warning("%s: a snapshot was passed over: %s", self._where, error)
        return None

    def _fold(self, position: int, marks: Mapping[OriginKey, Heard], snapshot: Snapshot | None) -> Fold:
        if position < self.log_start:
            raise DataLoss(
                f"{self._where}: offset {position} was to be read next, but the log starts at {self.log_start}:"
                " records are gone; raise the topic's retention and decide what to do about the gap"
            )
        return Fold(
            self.stage,
            self.source,
            self.partition,
            self.routes,
            position=position,
            marks=marks,
            snapshot=snapshot,
        )

    @property
    def _where(self) -> str:
        return f"{self.source.topic} partition {self.partition}"
