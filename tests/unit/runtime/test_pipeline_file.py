"""A pipeline file that is no text, or not there, is one clear message."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.contract.errors import PipelineError, PlanError
from headrace.runtime.pipeline_file import read_plan


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"^cannot read the pipeline file .*nowhere.yaml: No such file or directory$"):
        read_plan(tmp_path / "nowhere.yaml")
    with pytest.raises(PlanError, match=r"^cannot read the pipeline file .*: Is a directory$"):
        read_plan(tmp_path)


def test_a_file_of_bytes_says_where_it_stops_being_text(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"name: \xff\x00")
    with pytest.raises(PlanError, match=r"binary: it is no UTF-8 text \(byte 6\)$"):
        read_plan(tmp_path / "binary")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a list\n", "\0\0"])
def test_a_file_without_a_pipeline_is_one_problem(text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(PipelineError) as refused:
        read_plan(tmp_path / "file")
    assert len(refused.value.problems) == 1
