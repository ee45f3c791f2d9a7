"""The start of a cluster ends in one of three ways for whoever waits: ready, failed, or gone."""

from __future__ import annotations

import os

import pytest
from headrace.contract.errors import StackError
from rig.cluster.progress import Progress, follow


def test_what_is_done_is_told_until_all_is_ready() -> None:
    reader, writer = os.pipe()
    progress = Progress(writer)
    progress.say("Starting")
    progress.ready()
    told: list[str] = []

    follow(reader, told.append)

    assert told == ["Starting"]


def test_a_failure_is_raised_in_its_own_words() -> None:
    reader, writer = os.pipe()
    Progress(writer).failed("etcd ended by itself")

    with pytest.raises(StackError, match="etcd ended by itself"):
        follow(reader, print)


def test_an_end_without_a_word_is_a_failure_too() -> None:
    reader, writer = os.pipe()
    os.close(writer)

    with pytest.raises(StackError, match="ended before it was ready"):
        follow(reader, print)


def test_nobody_listening_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    Progress(writer).ready()
