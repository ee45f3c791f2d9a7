"""Topics that were deleted and created again are noticed, whatever their name."""

from __future__ import annotations

from typing import Any

import pytest
from headrace.contract.errors import BrokerUnavailable, DataLoss, PlanError
from headrace.contract.topics import TopicNames
from headrace.runtime import topic_register
from headrace.runtime.topic_ids import Topic
from headrace.runtime.topic_register import hold, take_anew, watch
from headrace.store.memory import MemoryStore

NAMES = TopicNames("default", "shop")
RAW, LOG = NAMES.raw("orders"), NAMES.log("customer")
FIRST = {RAW: Topic("a" * 32, 4), LOG: Topic("b" * 32, 4)}
RECREATED = FIRST | {RAW: Topic("c" * 32, 4)}
ALL_NEW = RECREATED | {LOG: Topic("d" * 32, 4)}


def test_topics_are_noted_once_and_found_again() -> None:
    store = MemoryStore()
    hold(store, NAMES, {RAW: FIRST[RAW]})  # one service reads this one,
    hold(store, NAMES, FIRST)  # another one both,
    hold(store, NAMES, FIRST)  # and is started again
    assert store.get(f"topics/default/shop/{RAW}").body == b"a" * 32


def test_a_topic_that_was_created_again_is_refused_by_name() -> None:
    store = MemoryStore()
    hold(store, NAMES, FIRST)
    with pytest.raises(DataLoss, match=rf"the topic {RAW} was deleted and created again .* --recreated"):
        hold(store, NAMES, RECREATED)


def test_another_pipelines_topics_are_its_own() -> None:
    store = MemoryStore()
    hold(store, NAMES, FIRST)
    hold(store, TopicNames("default", "shop2"), RECREATED)


def test_topics_are_taken_anew_only_all_together() -> None:
    # Given a pipeline of which one topic was created again
    store = MemoryStore()
    hold(store, NAMES, FIRST)
    # When it is to be taken as it is, then what rests on the old one is named
    with pytest.raises(PlanError, match=LOG):
        take_anew(store, NAMES, RECREATED)
    # And when all were created again, services begin with them
    take_anew(store, NAMES, ALL_NEW)
    hold(store, NAMES, ALL_NEW)


async def test_a_topic_that_is_created_again_under_a_running_service_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given looks of which one has no answer, and one comes while the topic is not there
    looks: list[Any] = [FIRST, BrokerUnavailable("no answer"), PlanError("does not exist"), RECREATED]

    async def describe(*_: object) -> Any:
        found = looks.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(topic_register, "describe", describe)
    monkeypatch.setattr(topic_register, "_LOOK_SECONDS", 0)
    # When it is there again, then its reader ends
    with pytest.raises(DataLoss, match=RAW):
        await watch(object(), FIRST, 5.0)
    assert not looks
