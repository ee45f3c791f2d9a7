"""The state folder: unwritable, full, damaged or held by somebody else, each is one clear message."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from headrace.contract.errors import BrokerUnavailable, StackError
from headrace.local import down
from headrace.local.down import delete_data, end_stack
from headrace.local.lock import FolderLock, holder_of
from headrace.local.log_lines import Tail, log_files, tell
from headrace.local.memory import MEMORY, recall, remembered
from headrace.local.places import make_folder
from headrace.local.ports import LOOPBACK, choose, is_free
from headrace.local.processes import who_holds
from headrace.local.stack import Stack
from headrace.local.status import status_table
from headrace.local.topics import create_topics


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match=r"cannot use the folder .*file/state: Not a directory; name another one"):
        Stack(tmp_path / "file" / "state").start()


def test_a_nearly_full_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"has \d+ MiB free and 1099511627776 MiB are needed; free some space"):
        make_folder(tmp_path / "state", space=1 << 60)


def test_a_disk_that_fills_up_during_the_start_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a disk that takes nothing more once the folder is made
    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / MEMORY))

    monkeypatch.setattr("headrace.local.stack.recall", no_space)
    monkeypatch.setattr("headrace.local.stack.provision", lambda *_: None)
    # Then the start ends with it, and the folder is free
    with pytest.raises(StackError, match=r"cannot start the stack: .*No space left on device.*stack.json"):
        Stack(tmp_path).start()
    assert holder_of(tmp_path) is None


def test_a_damaged_memory_says_how_to_get_rid_of_it(tmp_path: Path) -> None:
    (tmp_path / MEMORY).write_text('{"ports": ')
    with pytest.raises(StackError, match=r"stack.json is damaged .*headrace local down --delete-data"):
        recall(tmp_path, ["kafka"], print)
    # And that does it
    delete_data(tmp_path)
    assert recall(tmp_path, ["kafka"], print) == remembered(tmp_path)


def test_addresses_and_keys_are_remembered_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = recall(tmp_path, ["kafka", "s3"], print)
    assert recall(tmp_path, ["kafka", "s3"], print) == first
    assert (tmp_path / MEMORY).stat().st_mode & 0o077 == 0
    assert first.secret_key not in repr(first)


def test_a_port_that_is_taken_is_replaced_and_said(tmp_path: Path) -> None:
    first = recall(tmp_path, ["kafka", "s3"], print)
    told: list[str] = []
    with socket.create_server((LOOPBACK, first.ports["s3"])):
        assert not is_free(first.ports["s3"])
        second = recall(tmp_path, ["kafka", "s3"], told.append)
    assert second.ports["kafka"] == first.ports["kafka"]
    assert told == [f"Port {first.ports['s3']} of s3 is taken by another program; using {second.ports['s3']}"]


def test_no_port_is_given_out_twice() -> None:
    ports = [choose() for _ in range(200)]
    assert len(set(ports)) == len(ports)


HOLDER = """
import sys, time
from pathlib import Path
from headrace.local.lock import FolderLock
FolderLock(Path(sys.argv[1])).take()
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_in_the_folder_is_named_and_can_be_ended(tmp_path: Path) -> None:
    # Given a process that holds the folder
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert [process.pid for process in who_holds(tmp_path / "lock")] == [other.pid]
        # Then the folder is refused, its data too
        with pytest.raises(StackError, match=rf"a stack already runs in .* \(pid {other.pid}\)"):
            FolderLock(tmp_path).take()
        with pytest.raises(StackError, match="a stack already runs"):
            delete_data(tmp_path)
        # And `down` ends exactly that process
        assert end_stack(tmp_path, print)
        assert other.wait(20) == -15
    assert not end_stack(tmp_path, print)
    assert status_table(tmp_path) is None


def test_a_recycled_process_id_is_never_signalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(down, "_GONE_SECONDS", 0.0)
    # Given a lock that names a process which has nothing to do with it, and a holder that is not the one it names
    lock = FolderLock(tmp_path)
    lock.take()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        (tmp_path / "lock").write_text(str(bystander.pid))
        # When somebody wants the stack to end, then it says what holds the folder and leaves the bystander alone
        with pytest.raises(StackError, match="does not end; still there: stack"):
            end_stack(tmp_path, print, grace=0.0)
        assert bystander.poll() is None
    lock.release()


def test_logs_are_chosen_by_part_and_labelled(tmp_path: Path) -> None:
    # Given logs of three parts
    (tmp_path / "logs").mkdir()
    for part in ("kafka", "ingestion-0", "ingestion-1"):
        (tmp_path / "logs" / f"{part}.log").write_text(f"first of {part}\nlast of {part}\n")
    # Then one part's instances can be asked for, or one, or all
    assert [file.stem for file in log_files(tmp_path, "ingestion")] == ["ingestion-0", "ingestion-1"]
    assert list(tell(log_files(tmp_path, "kafka"), follow=False)) == ["first of kafka", "last of kafka"]
    assert list(tell(log_files(tmp_path, "ingestion"), follow=False))[1:3] == [
        "ingestion-0 | last of ingestion-0",
        "ingestion-1 | first of ingestion-1",
    ]
    assert len(log_files(tmp_path, None)) == 3
    with pytest.raises(StackError, match=r"no log of lake in .*; there are: ingestion-0, ingestion-1, kafka"):
        log_files(tmp_path, "lake")


def test_a_tail_gives_whole_lines_as_they_come(tmp_path: Path) -> None:
    # Given a log with many lines, the last of them unfinished
    file = tmp_path / "kafka.log"
    file.write_text("".join(f"line {number}\n" for number in range(10_000)) + "half")
    tail = Tail(file)
    assert tail.last() == [f"line {number}" for number in range(9_980, 10_000)]
    # When it is finished, then it is told, once
    with file.open("a") as log:
        log.write(" a line\nmore")
    assert tail.more() == ["half a line"]
    assert tail.more() == []
    # And a log that was emptied is read from its start
    file.write_text("new\n")
    assert tail.more() == ["new"]


def test_topics_cannot_be_made_without_a_broker() -> None:
    with pytest.raises(BrokerUnavailable, match=r"cannot reach Kafka at 127.0.0.1"):
        create_topics(f"{LOOPBACK}:{choose()}", {"a": 1})
