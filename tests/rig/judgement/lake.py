"""The lake (I8): the log of each table adds up, its files are there, and its rows are those of its topic."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote

from rig.judgement.arrow_rows import Row
from rig.judgement.cleaning import Cleaner
from rig.judgement.compare import Placed, compare
from rig.judgement.content import Content, identity_of
from rig.judgement.evidence import Evidence, TableEvidence
from rig.judgement.facts import Facts
from rig.judgement.moments import date_of
from rig.judgement.rows_hops import IDENTITY
from rig.judgement.words import Book, Miss, Word

_DATE = "_date="
_LINEAGE = ("_log_partition", "_log_offset", "_progress", "_behind")


@dataclass(frozen=True, slots=True)
class Source:
    """What a table is made from: a topic, or one stream of a merged log; `time` is its rows' event time."""

    topic: str
    time: str
    stream: str | None = None
    columns: tuple[str, ...] = ()  # of a stream's rows, where a log is split


def sources(facts: Facts) -> dict[str, Source]:
    """Every table and its source."""
    found: dict[str, Source] = {"quarantine/all": Source(facts.topic("quarantine"), "time")}
    for name, stream in facts.streams.items():
        found[f"ingested/{name}"] = Source(facts.topic("ingested", name), stream.event_time)
        if facts.needed_at(name, 0):
            columns = tuple(Cleaner(stream).columns())
            found[f"cleaned/{name}"] = Source(facts.log_topic(0), stream.event_time, name, columns)
        else:
            found[f"cleaned/{name}"] = Source(facts.topic("clean", name), stream.event_time)
    for name, prediction in facts.predictions.items():
        time = facts.streams[prediction.on].event_time
        found[f"features/{name}"] = Source(facts.topic("features", name), time)
        found[f"predictions/{name}"] = Source(facts.topic("predictions", name), time)
    return found


def judge_lake(
    evidence: Evidence, facts: Facts, contents: Mapping[str, Content], book: Book, orphan_seconds: float
) -> None:
    """Judge every table against its topic."""
    if evidence.tables is None:
        return
    for name, source in sources(facts).items():
        table = evidence.tables.get(name)
        expected = list(_rows_of_topic(source, contents[source.topic]))
        if table is None:
            for placed in expected:
                book.find(Word.LOST, "I8", f"lake/{name}", placed.name, "there is no such table", Miss.NEVER_WRITTEN)
            continue
        _judge_log(table, evidence.topic_ids.get(source.topic), book)
        _judge_files(table, evidence, book, orphan_seconds)
        _judge_rows(table, source, expected, book)


def _judge_log(table: TableEvidence, topic_id: str | None, book: Book) -> None:
    """Versions follow each other, positions only grow, and each commit's rows lie in the stretch that it covers."""
    where = f"lake/{table.name}"
    versions = [commit.version for commit in table.commits]
    if versions != list(range(versions[0] if versions else 0, len(versions) + (versions[0] if versions else 0))):
        book.find(Word.LAKE_GAP, "I8", where, "versions", f"{versions[:20]} do not follow each other")
    reached: dict[str, int] = {}
    for commit in table.commits:
        moved = {a["txn"]["appId"]: int(a["txn"]["version"]) for a in commit.actions if "txn" in a}
        for app, version in moved.items():
            if version <= reached.get(app, -1):
                detail = f"{app} goes from {reached[app]} to {version} in version {commit.version}"
                book.find(Word.LAKE_GAP, "I8", where, "position", detail)
            if topic_id is not None and app.split("/")[1] != topic_id:
                book.find(Word.LAKE_GAP, "I8", where, "topic", f"{app} is of another topic than {topic_id}")
        for action in commit.actions:
            for row in table.rows.get(unquote(action["add"]["path"]), ()) if "add" in action else ():
                app = next((app for app in moved if app.split("/")[2:] == [str(row["_log_partition"])]), "")
                if not reached.get(app, 0) <= row["_log_offset"] < moved.get(app, 0):
                    place = f"{row['_log_partition']}/{row['_log_offset']}"
                    detail = f"not in {reached.get(app, 0)}..{moved.get(app, 0)} of version {commit.version}"
                    book.find(Word.LAKE_GAP, "I8", where, place, detail)
        reached |= moved


def _judge_files(table: TableEvidence, evidence: Evidence, book: Book, orphan_seconds: float) -> None:
    """What the log lists is what deltalake lists and what is there; what nobody lists is young."""
    where = f"lake/{table.name}"
    standing: set[str] = set()
    for commit in table.commits:
        standing |= {unquote(action["add"]["path"]) for action in commit.actions if "add" in action}
        standing -= {unquote(action["remove"]["path"]) for action in commit.actions if "remove" in action}
    if standing != table.listed:
        differing = sorted(standing ^ table.listed)[:3]
        book.find(Word.LAKE_GAP, "I8", where, "files", f"the log and deltalake differ in {differing}")
    for path in sorted(table.listed - table.present.keys()):
        book.find(Word.FILE_MISSING, "I8", where, path)
    for path in sorted(table.present.keys() - table.listed):
        now = evidence.gathered
        if now is None or now - table.present[path] >= timedelta(seconds=orphan_seconds):
            book.find(Word.ORPHAN, "I8", where, path, f"no commit lists it, and it is older than {orphan_seconds:g} s")


def _judge_rows(table: TableEvidence, source: Source, expected: list[Placed[Hashable]], book: Book) -> None:
    where = f"lake/{table.name}"
    found: list[Placed[Hashable]] = []
    for path in sorted(table.listed):
        for row in table.rows.get(path, ()):
            found.append(Placed(_name(row), None, row))
            date = path.split("/")[0].removeprefix(_DATE)
            if date != str(date_of(row[source.time])):
                book.find(Word.CORRUPTED, "I4", where, _name(row), f"it lies under {date}")
    orphaned = {_name(row) for path in table.present.keys() - table.listed for row in table.rows.get(path, ())}
    order = {placed.name: number for number, placed in enumerate(expected)}
    found.sort(key=lambda placed: order.get(placed.name, -1))  # a table has no order of its own
    compare(
        book,
        where,
        expected,
        found,
        triage=lambda name: Miss.NOT_COMMITTED if name in orphaned else Miss.NEVER_WRITTEN,
    )


def _rows_of_topic(source: Source, content: Content) -> Iterator[Placed[Hashable]]:
    """The rows that the table must have, with their place in the log and what their message said of its progress."""
    for message in content.messages():
        values = (message.partition, message.offset, message.progress, message.behind)
        for row in message.rows:
            if source.stream is not None:
                if row["_stream"] != source.stream:
                    continue
                row = {name: row["_time" if name == source.time else name] for name in (*source.columns, *IDENTITY)}
            lined = {**row, **dict(zip(_LINEAGE, values, strict=True))}
            yield Placed(_name(lined), None, lined)


def _name(row: Row) -> Hashable:
    if "topic_offset" in row:  # quarantine, where several stages may have rejected rows of one record
        return (row["stage"], row["topic"], row["topic_offset"], row["_log_partition"], identity_of(row))
    return identity_of(row)
