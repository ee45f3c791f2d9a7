"""What a judgement is made of: findings, each under one word, and the counts of each hop.

`lost`, `duplicated`, `invented`, `corrupted` and `out_of_order` are Jepsen's words and say what became of rows. The
others say which further promise was broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Word(StrEnum):
    """What is wrong."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    INVENTED = "invented"
    CORRUPTED = "corrupted"
    OUT_OF_ORDER = "out_of_order"
    UNBALANCED = "unbalanced"  # a hop's rows do not add up
    COMMIT_WENT_BACK = "commit_went_back"
    COMMIT_AHEAD = "commit_ahead"  # of what was durable
    LAKE_GAP = "lake_gap"  # positions or versions that do not follow each other
    FILE_MISSING = "file_missing"
    ORPHAN = "orphan"  # an object of a table that no commit lists
    DISHONEST = "dishonest"  # an instrument that says something else than what happened
    SECRET = "secret"  # one that stands where it must not


ROWS = (Word.LOST, Word.DUPLICATED, Word.INVENTED, Word.CORRUPTED, Word.OUT_OF_ORDER)


class Miss(StrEnum):
    """How a lost row was lost."""

    NEVER_WRITTEN = "never written"
    NOT_COMMITTED = "written but not committed"
    DROPPED = "written and dropped by the reader"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where (a topic, a table, a group), what (a row, an offset), and how we know."""

    word: Word
    invariant: str
    where: str
    what: str
    detail: str = ""
    miss: Miss | None = None


@dataclass(slots=True)
class Hop:
    """The rows of one place: what had to be there, what is, and what was rejected or dropped on purpose before it."""

    expected: int = 0
    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    replayed: int = 0  # rows that stood there again and that a reader recognises
    words: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The whole: `verdict` is pass or fail; whether the run was hard enough to mean something, others say."""

    issued: int
    acknowledged: int
    unknown: int  # issued and never acknowledged
    unknown_there: int  # of those, how many are in Kafka all the same
    hops: dict[str, Hop]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        return "fail" if self.findings else "pass"

    def count(self, word: Word) -> int:
        """How many findings of a word there are."""
        return sum(1 for finding in self.findings if finding.word is word)

    def to_json(self, most: int = 50) -> dict[str, Any]:
        """The judgement as plain data, with at most `most` findings of each word in full."""
        shown: Counter[Word] = Counter()
        examples = []
        for finding in self.findings:
            shown[finding.word] += 1
            if shown[finding.word] <= most:
                examples.append(asdict(finding))
        return {
            "verdict": self.verdict,
            "issued": self.issued,
            "acknowledged": self.acknowledged,
            "unknown": {"issued_never_acknowledged": self.unknown, "of_those_in_kafka": self.unknown_there},
            **{str(word): self.count(word) for word in Word},
            "hops": {name: asdict(hop) for name, hop in self.hops.items()},
            "findings": examples,
        }


@dataclass(slots=True)
class Book:
    """Where findings are written down while judging."""

    findings: list[Finding] = field(default_factory=list)
    hops: dict[str, Hop] = field(default_factory=dict)

    def hop(self, name: str) -> Hop:
        """The counts of a place."""
        return self.hops.setdefault(name, Hop())

    def find(
        self, word: Word, invariant: str, where: str, what: object, detail: str = "", miss: Miss | None = None
    ) -> None:
        """Write a finding down."""
        self.findings.append(Finding(word, invariant, where, str(what)[:200], detail[:400], miss))
        self._count(where, word)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Take over what others have found."""
        for finding in findings:
            self.findings.append(finding)
            self._count(finding.where, finding.word)

    def _count(self, where: str, word: Word) -> None:
        words = self.hop(where).words
        words[str(word)] = words.get(str(word), 0) + 1
