"""The embedded stack as its user meets it: ready, kept over restarts, alone in its folder, gone with its parent."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer
from headrace.contract.errors import NotFound, PlanError, StackError
from headrace.local.lock import LOCK, holder_of
from headrace.local.processes import who_holds
from headrace.local.stack import Endpoints, Stack
from headrace.local.topics import create_topics
from headrace.store.s3 import S3Store
from rig.judge import read_all


def store_of(endpoints: Endpoints) -> S3Store:
    return S3Store(endpoints.store)


def produce(kafka: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": kafka, "acks": "all"})
    producer.produce(topic, value)
    assert producer.flush(30) == 0


def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not after {seconds:g} s: {what}"
        time.sleep(0.05)


def test_ready_means_that_both_servers_work(stack: Stack, s3: S3Store, prefix: str) -> None:
    # Given a stack that has started, when somebody uses it at once
    create_topics(stack.endpoints.kafka, {prefix: 2})
    produce(stack.endpoints.kafka, prefix, b"one")
    s3.put(f"{prefix}/k", b"1", if_none_match=True)
    # Then both servers do what they are told
    assert [message.value() for message in read_all(stack.endpoints.kafka, prefix)] == [b"one"]
    assert s3.get(f"{prefix}/k").body == b"1"


def test_topics_are_made_once(stack: Stack, prefix: str) -> None:
    # Given topics that exist
    kafka = stack.endpoints.kafka
    assert create_topics(kafka, {f"{prefix}.a": 2, f"{prefix}.b": 1}) == [f"{prefix}.a", f"{prefix}.b"]
    # Then asking again makes only what is new, and another number of partitions is refused
    assert create_topics(kafka, {f"{prefix}.a": 2, f"{prefix}.c": 1}) == [f"{prefix}.c"]
    with pytest.raises(PlanError, match=rf"{prefix}\.a has 2 partitions, not 3"):
        create_topics(kafka, {f"{prefix}.a": 3, f"{prefix}.d": 1})


def test_a_second_stack_in_one_folder_is_told_so(stack: Stack) -> None:
    with pytest.raises(
        StackError,
        match=r"a stack already runs in .* \(pid \d+\); stop it with `HEADRACE_STATE=.* headrace local down`",
    ):
        Stack(stack.folder).start()
    # And the first one goes on
    assert stack.kafka.child.alive
    assert stack.s3.child.alive


def test_data_keys_and_addresses_survive_restarts_and_crashes(tmp_path: Path) -> None:
    # Given a stack with a record and an object
    with Stack(tmp_path) as stack:
        first = stack.endpoints
        create_topics(first.kafka, {"kept": 1})
        produce(first.kafka, "kept", b"before")
        store_of(first).put("kept", b"before")
        # When both servers are killed and started
        stack.kill()
        stack.s3.start()
        stack.kafka.start()
        assert [message.value() for message in read_all(first.kafka, "kept")] == [b"before"]
    # And when the stack is started anew, while another program has taken the S3 server's port
    told: list[str] = []
    taken = socket.create_server(("127.0.0.1", int(first.s3.rpartition(":")[2])))
    with taken, Stack(tmp_path, on_event=told.append) as stack:
        second = stack.endpoints
        # Then everything is there, under the same keys, and the new address was told
        assert [message.value() for message in read_all(second.kafka, "kept")] == [b"before"]
        assert store_of(second).get("kept").body == b"before"
        assert (second.kafka, second.access_key) == (first.kafka, first.access_key)
        assert second.s3 != first.s3
        with pytest.raises(NotFound):
            store_of(second).get("never")
    assert any("of s3 is taken by another program" in line for line in told), told


PARENT = """
import sys, time
from pathlib import Path
from headrace.local.stack import Stack
stack = Stack(Path(sys.argv[1]))
stack.start()
print("up", stack.kafka.child.pid, stack.s3.child.pid, flush=True)
sys.stdin.read()
"""


def test_no_process_outlives_its_parent(tmp_path: Path) -> None:
    # Given a process that started a stack
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        said = re.fullmatch(r"up (\d+) (\d+)\n", parent.stdout.readline())
        assert said is not None
        running = {process.pid: process.name for process in who_holds(tmp_path / LOCK)}
        assert running == {parent.pid: "", int(said[1]): "kafka", int(said[2]): "s3"}
        # When it is killed, so that it can end nothing itself
        parent.send_signal(signal.SIGKILL)
    # Then its servers are gone too, and the folder is free again
    until(lambda: not who_holds(tmp_path / LOCK) and holder_of(tmp_path) is None, "the servers are gone")
