"""The judges can fail: every planted bug is caught, and by the invariant that is named for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rig.planted.bugs import BUGS, Bug
from rig.planted.plant import copy_code, plant


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    copy_code(folder)
    return folder


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Bug, copy: Path) -> None:
    catch = plant(bug, copy)
    assert catch.caught, str(catch)


def test_a_bug_that_no_longer_fits_is_no_bug_caught(copy: Path, tmp_path: Path) -> None:
    # Given code that has changed since the bug was written
    bug = BUGS[0]
    shutil.copytree(copy / "libs", tmp_path / "libs")
    (tmp_path / bug.file).write_text("# all is different now\n")
    # When it is planted, then that is an error and no verdict
    with pytest.raises(ValueError, match=r"has 0 times the text .* mend the bug"):
        plant(bug, tmp_path)
