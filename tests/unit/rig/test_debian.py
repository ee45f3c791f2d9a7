"""Debian packages as folders: what a caller sees of them, without fetching any."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.contract.errors import StackError
from rig import debian


def test_without_apt_the_error_names_the_packages_and_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HEADRACE_CACHE", str(tmp_path / "cache"))

    with pytest.raises(StackError, match=r"packages containerd, runc, and apt-get or dpkg is not on the PATH"):
        debian.fetch(["containerd", "runc"], print)


def test_the_folders_programs_and_libraries_come_before_the_machines_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = tmp_path / "usr" / "lib" / "x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)

    told = debian.environment(tmp_path)

    assert told["PATH"].split(":")[0] == str(tmp_path / "usr/sbin")
    assert told["PATH"].endswith(":/usr/bin")
    assert told["LD_LIBRARY_PATH"] == str(libraries)
