"""Every kind of damage, done to the evidence of a good run, is found and named by the right word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from rig.campaign.doctor import (
    Change,
    alter,
    forget_marks,
    nudged,
    say_again,
    swapped,
    with_row_twice,
    with_stranger,
    with_value,
    without_row,
)
from rig.campaign.in_memory import World
from rig.judgement import Finding, Judgement, Miss, Word, weigh
from rig.judgement.evidence import Evidence, Sample
from rig.judgement.facts import Facts

PREFIX = "default.campaign"
SHOP, TOWN = f"{PREFIX}.by.shop", f"{PREFIX}.by.town"
ORDERS, CLEAN = f"{PREFIX}.ingested.orders", f"{PREFIX}.clean.deliveries"
FEATURES, PREDICTIONS = f"{PREFIX}.features.late_delivery", f"{PREFIX}.predictions.late_delivery"
QUARANTINE = f"{PREFIX}.quarantine"
ROW_TOPICS = (ORDERS, SHOP, TOWN, CLEAN, FEATURES, PREDICTIONS)


def found(judgement: Judgement, word: Word, where: str) -> list[Finding]:
    return [finding for finding in judgement.findings if finding.word is word and finding.where == where]


def test_a_good_run_with_crashes_is_found_without_fault(evidence: Evidence, facts: Facts, world: World) -> None:
    judgement = weigh(evidence, facts)
    assert judgement.findings == ()
    # And it was no easy one: every stage has crashed, and readers had repetitions to tell
    assert min(world.crashes[stage] for stage in ("ingestion", "cleaning", "feature_engineering", "inference")) > 0
    assert sum(hop.replayed for hop in judgement.hops.values()) > 0


@pytest.mark.parametrize("topic", [*ROW_TOPICS, QUARANTINE])
@pytest.mark.parametrize(
    ("change", "word"),
    [(without_row, Word.LOST), (with_row_twice, Word.DUPLICATED), (with_stranger, Word.INVENTED)],
)
def test_rows_that_are_missing_doubled_or_invented(
    topic: str, change: Change, word: Word, evidence: Evidence, facts: Facts
) -> None:
    alter(evidence, topic, change)
    assert len(found(weigh(evidence, facts), word, topic)) == 1


@pytest.mark.parametrize(
    ("topic", "column"),
    [
        (ORDERS, "amount"),
        (SHOP, "amount"),
        (TOWN, "shop_orders__amount__mean__1h"),
        (FEATURES, "shop_prices__price__last__2h"),
        (FEATURES, "town_visits__seconds__std__1h"),
        (PREDICTIONS, "score"),
        (PREDICTIONS, "value"),
        (CLEAN, "minutes"),
    ],
)
def test_one_float_in_its_last_place(topic: str, column: str, evidence: Evidence, facts: Facts) -> None:
    alter(evidence, topic, nudged(column), least=5)
    (finding,) = found(weigh(evidence, facts), Word.CORRUPTED, topic)
    assert finding.detail.startswith(f"{column} is ")


@pytest.mark.parametrize("topic", [ORDERS, CLEAN, FEATURES, PREDICTIONS])
def test_two_rows_that_have_changed_places(topic: str, evidence: Evidence, facts: Facts) -> None:
    alter(evidence, topic, swapped, least=2)
    assert found(weigh(evidence, facts), Word.OUT_OF_ORDER, topic)


def test_a_version_that_the_registry_does_not_have(evidence: Evidence, facts: Facts) -> None:
    alter(evidence, PREDICTIONS, with_value("version", 7))
    assert found(weigh(evidence, facts), Word.INVENTED, PREDICTIONS)


def test_a_reason_that_is_not_the_right_one(evidence: Evidence, facts: Facts) -> None:
    alter(evidence, QUARANTINE, with_value("reason", "bad_luck"))
    assert found(weigh(evidence, facts), Word.CORRUPTED, QUARANTINE)


def test_bytes_in_quarantine_that_are_not_the_records_own(evidence: Evidence, facts: Facts) -> None:
    alter(evidence, QUARANTINE, with_value("raw", b"{}"))
    assert found(weigh(evidence, facts), Word.CORRUPTED, QUARANTINE)


def test_a_message_written_again_under_another_origin(evidence: Evidence, facts: Facts) -> None:
    say_again(evidence, CLEAN)
    assert found(weigh(evidence, facts), Word.DUPLICATED, CLEAN)


def test_a_lost_row_is_told_from_one_that_the_reader_dropped(evidence: Evidence, facts: Facts) -> None:
    forget_marks(evidence, SHOP)
    assert {finding.miss for finding in found(weigh(evidence, facts), Word.LOST, SHOP)} == {Miss.DROPPED}


def test_an_acknowledged_record_that_is_not_there(evidence: Evidence, facts: Facts) -> None:
    raw = f"{PREFIX}.raw.prices"
    evidence.topics[raw][0].pop()
    assert len(found(weigh(evidence, facts), Word.LOST, raw)) == 1


def test_a_record_that_was_never_acknowledged_may_be_there_once(evidence: Evidence, facts: Facts) -> None:
    last = evidence.ledger.issued - 1
    del evidence.ledger.acknowledged[last]
    evidence.ledger.issued += 1  # one more was issued, and is not there
    judgement = weigh(evidence, facts)
    assert judgement.findings == ()
    assert (judgement.unknown, judgement.unknown_there) == (2, 1)


def test_a_record_that_nobody_issued(evidence: Evidence, facts: Facts) -> None:
    raw = f"{PREFIX}.raw.prices"
    records = evidence.topics[raw][0]
    records.append(replace(records[-1], offset=len(records), headers=(("oracle-id", b"999999"),)))
    assert len(found(weigh(evidence, facts), Word.INVENTED, raw)) == 1


def test_a_record_that_is_there_twice(evidence: Evidence, facts: Facts) -> None:
    raw = f"{PREFIX}.raw.prices"
    records = evidence.topics[raw][0]
    records.append(replace(records[-1], offset=len(records)))
    assert len(found(weigh(evidence, facts), Word.DUPLICATED, raw)) == 1


def test_rows_that_do_not_add_up(evidence: Evidence, facts: Facts) -> None:
    alter(evidence, FEATURES, without_row)
    assert found(weigh(evidence, facts), Word.UNBALANCED, FEATURES)


def later(evidence: Evidence, service: str, change: Callable[[int], int]) -> str:
    """One more look at the committed offsets: a group's first one has changed."""
    committed = {name: dict(offsets) for name, offsets in evidence.committed.items()}
    place = max(committed[service], key=lambda place: committed[service][place])
    committed[service][place] = change(committed[service][place])
    evidence.samples.append(Sample(evidence.samples[-1].at + 1, committed, evidence.ends))
    return f"{PREFIX}.{service} {place[0]}/{place[1]}"


def test_a_commit_that_goes_back(evidence: Evidence, facts: Facts) -> None:
    where = later(evidence, "cleaning", lambda offset: offset - 1)
    assert found(weigh(evidence, facts), Word.COMMIT_WENT_BACK, where)


def test_a_commit_ahead_of_what_was_written(evidence: Evidence, facts: Facts) -> None:
    # The topics ended at their beginning when all of this was committed
    evidence.samples.append(Sample(evidence.samples[-1].at + 1, evidence.committed, dict.fromkeys(evidence.ends, 0)))
    ahead = {finding.where for finding in weigh(evidence, facts).findings if finding.word is Word.COMMIT_AHEAD}
    assert {where.split(" ")[0].removeprefix(f"{PREFIX}.") for where in ahead} == {
        "ingestion",
        "cleaning",
        "feature_engineering",
        "inference",
    }


def test_a_commit_ahead_of_the_snapshot(evidence: Evidence, facts: Facts) -> None:
    place = max(evidence.snapshots, key=lambda place: evidence.snapshots[place])
    evidence.snapshots[place] -= 1
    where = f"{PREFIX}.{place[0]} {place[1]}/{place[2]}"
    assert found(weigh(evidence, facts), Word.COMMIT_AHEAD, where)


def test_a_commit_of_the_lake_ahead_of_its_tables(evidence: Evidence, facts: Facts) -> None:
    where = later(evidence, "lake", lambda offset: offset + 1)
    assert found(weigh(evidence, facts), Word.COMMIT_AHEAD, where)


TABLE = "cleaned/orders"


def test_a_row_of_the_lake_that_is_gone_doubled_changed_or_invented(evidence: Evidence, facts: Facts) -> None:
    assert evidence.tables is not None
    files = evidence.tables[TABLE].rows
    path = next(path for path, rows in files.items() if len(rows) > 3)
    first, second, third, *others = files[path]
    stranger = {**third, "_row": 77}
    changed = {**second, "amount": -1.0}
    files[path] = [changed, third, third, stranger, *others]  # type: ignore[index]  # a dict, whatever it is seen as
    judgement = weigh(evidence, facts)
    where = f"lake/{TABLE}"
    (lost,) = found(judgement, Word.LOST, where)
    assert (lost.what, lost.miss) == (
        str((first["_partition"], first["_offset"], first["_row"])),
        Miss.NEVER_WRITTEN,
    )
    for word in (Word.DUPLICATED, Word.CORRUPTED, Word.INVENTED):
        assert len(found(judgement, word, where)) == 1


def test_a_file_that_no_commit_lists(evidence: Evidence, facts: Facts) -> None:
    assert evidence.tables is not None
    table = evidence.tables[TABLE]
    assert evidence.gathered is not None
    orphan = {"_date=2024-06-01/orphan.parquet": evidence.gathered - timedelta(seconds=60)}
    evidence.tables[TABLE] = replace(table, present={**table.present, **orphan})
    assert len(found(weigh(evidence, facts), Word.ORPHAN, f"lake/{TABLE}")) == 1
    assert weigh(evidence, facts, orphan_seconds=61).findings == ()  # young: somebody may be about to commit it


def test_rows_that_were_written_and_never_committed(evidence: Evidence, facts: Facts) -> None:
    assert evidence.tables is not None
    table = evidence.tables[TABLE]
    path = next(iter(table.listed))
    commits = [
        replace(commit, actions=[a for a in commit.actions if a.get("add", {}).get("path") != path])
        for commit in table.commits
    ]
    evidence.tables[TABLE] = replace(table, listed=table.listed - {path}, commits=commits)
    judgement = weigh(evidence, facts)
    lost = found(judgement, Word.LOST, f"lake/{TABLE}")
    assert {finding.miss for finding in lost} == {Miss.NOT_COMMITTED}
    assert found(judgement, Word.ORPHAN, f"lake/{TABLE}")


def test_a_file_that_is_listed_and_not_there(evidence: Evidence, facts: Facts) -> None:
    assert evidence.tables is not None
    table = evidence.tables[TABLE]
    path = next(iter(table.listed))
    evidence.tables[TABLE] = replace(
        table,
        present={name: at for name, at in table.present.items() if name != path},
        rows={name: rows for name, rows in table.rows.items() if name != path},
    )
    judgement = weigh(evidence, facts)
    assert len(found(judgement, Word.FILE_MISSING, f"lake/{TABLE}")) == 1
    assert found(judgement, Word.LOST, f"lake/{TABLE}")


def test_a_table_whose_positions_or_versions_leave_a_gap(evidence: Evidence, facts: Facts) -> None:
    assert evidence.tables is not None
    table = evidence.tables[TABLE]
    written = [commit for commit in table.commits if any("add" in action for action in commit.actions)]
    evidence.tables[TABLE] = replace(table, commits=[c for c in table.commits if c is not written[0]])
    assert found(weigh(evidence, facts), Word.LAKE_GAP, f"lake/{TABLE}")


def test_a_lake_commit_without_its_positions(evidence: Evidence, facts: Facts) -> None:
    assert evidence.tables is not None
    table = evidence.tables[TABLE]
    commits = [replace(commit, actions=[a for a in commit.actions if "txn" not in a]) for commit in table.commits]
    evidence.tables[TABLE] = replace(table, commits=commits)
    assert found(weigh(evidence, facts), Word.LAKE_GAP, f"lake/{TABLE}")


def test_an_instrument_that_says_something_else(evidence: Evidence, facts: Facts) -> None:
    text = '# TYPE headrace_rows counter\nheadrace_rows_total{outcome="kept"} 1.0\n'
    evidence.instruments = {"ingestion": [text]}
    dishonest = found(weigh(evidence, facts), Word.DISHONEST, f"{PREFIX}.ingestion")
    assert "rows kept" in {finding.what for finding in dishonest}


def test_a_secret_in_a_log_or_in_quarantine(evidence: Evidence, facts: Facts) -> None:
    evidence.secrets = {"a key": "h" * 999}  # what a huge row is full of
    evidence.texts = {"log lake-0.log": b"opened with " + b"h" * 999}
    alter(evidence, QUARANTINE, with_value("raw", b"h" * 1000))
    judgement = weigh(evidence, facts)
    assert found(judgement, Word.SECRET, "log lake-0.log")
    assert found(judgement, Word.SECRET, QUARANTINE)


def test_what_others_have_found_is_part_of_the_judgement(evidence: Evidence, facts: Facts) -> None:
    evidence.extra = [Finding(Word.DUPLICATED, "I9", "cleaning", "a zombie", "woke up and wrote")]
    judgement = weigh(evidence, facts)
    assert (judgement.verdict, judgement.to_json()["duplicated"]) == ("fail", 1)
