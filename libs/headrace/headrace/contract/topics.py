"""Topic names: `<tenant>.<pipeline>.<hop>[.<name>]` (design §3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The names of one pipeline's topics."""

    tenant: str
    pipeline: str

    @property
    def prefix(self) -> str:
        """What the names of this pipeline's topics and groups begin with."""
        return f"{self.tenant}.{self.pipeline}"

    def raw(self, stream: str) -> str:
        """What producers write."""
        return self._name("raw", stream)

    def ingested(self, stream: str) -> str:
        """Typed rows with their lineage, written by ingestion."""
        return self._name("ingested", stream)

    def log(self, column: str) -> str:
        """The merged log that is partitioned by `column`."""
        return self._name("by", column)

    def clean(self, stream: str) -> str:
        """Cleaned rows of a stream that no view and no prediction needs."""
        return self._name("clean", stream)

    def features(self, prediction: str) -> str:
        """Request rows with all their features."""
        return self._name("features", prediction)

    def predictions(self, prediction: str) -> str:
        """Scores."""
        return self._name("predictions", prediction)

    @property
    def quarantine(self) -> str:
        """Rejected rows of every stage."""
        return self._name("quarantine")

    def _name(self, *parts: str) -> str:
        return ".".join((self.tenant, self.pipeline, *parts))
