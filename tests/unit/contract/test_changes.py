"""What applying a pipeline file would change in Kafka."""

from __future__ import annotations

from headrace.contract.changes import Change, TopicChange, refusal, topic_changes

WANTED = {"default.flights.raw.departures": 4, "default.flights.quarantine": 4}


def test_topics_are_new_same_different_or_orphaned() -> None:
    # Given one topic that is there, one with another number of partitions, a forgotten one and a stranger's
    wanted = WANTED | {"default.flights.by.origin": 4}
    existing = {
        "default.flights.quarantine": 4,
        "default.flights.by.origin": 8,
        "default.flights.by.carrier": 4,
        "default.flights2.quarantine": 4,
    }
    # Then each of the pipeline's own is told apart, and the stranger's is no business of ours
    assert topic_changes(wanted, existing, "default.flights") == [
        TopicChange("default.flights.raw.departures", Change.NEW, 4, None),
        TopicChange("default.flights.quarantine", Change.SAME, 4, 4),
        TopicChange("default.flights.by.origin", Change.DIFFERS, 4, 8),
        TopicChange("default.flights.by.carrier", Change.ORPHANED, None, 4),
    ]


def test_another_number_of_partitions_is_refused_and_the_ways_out_are_told() -> None:
    existing = dict.fromkeys(WANTED, 8)

    why = refusal(topic_changes(WANTED, existing, "default.flights"))

    assert "default.flights.quarantine has 8 partitions, the file asks for 4" in why
    assert "write `partitions: 8` into the file" in why
    assert "give the pipeline a new `name`" in why


def test_topics_that_disagree_cannot_be_followed_by_one_number() -> None:
    existing = {"default.flights.raw.departures": 8, "default.flights.quarantine": 2}

    assert "write `partitions" not in refusal(topic_changes(WANTED, existing, "default.flights"))


def test_new_and_orphaned_topics_are_no_reason_to_refuse() -> None:
    assert refusal(topic_changes(WANTED, {"default.flights.old": 9}, "default.flights")) == ""
