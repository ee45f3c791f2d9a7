"""The folder of pipeline files as Kubernetes mounts it, changes it and people break it."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace_lag.lag import Reader
from headrace_lag.pipelines import Pipelines
from headrace_lag.targets import Source, targets

FILE = """\
headrace: 1
name: {name}
tenant: acme
streams:
  visits:
    format: {format}
    event_time: at
    columns: {{at: timestamp, page: string}}
"""


def write(file: Path, name: str, form: str = "json") -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(FILE.format(name=name, format=form))


def names(pipelines: Pipelines) -> list[str]:
    return [plan.pipeline.name for plan in pipelines.plans()[0]]


def test_a_config_map_volume_is_read_once_and_again_when_it_is_swapped(tmp_path: Path) -> None:
    # Given a volume as the kubelet makes it: files are links through ..data
    write(tmp_path / "..one" / "a.yaml", "first")
    write(tmp_path / "..two" / "a.yaml", "second")
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    pipelines = Pipelines(tmp_path)
    assert names(pipelines) == ["first"]
    # When the kubelet swaps it
    (tmp_path / "..next").symlink_to("..two")
    (tmp_path / "..next").replace(tmp_path / "..data")
    # Then what is there now is read
    assert names(pipelines) == ["second"]


def test_one_folder_for_each_config_map_is_read_too(tmp_path: Path) -> None:
    write(tmp_path / "one" / "pipeline.yaml", "first")
    write(tmp_path / "two" / "pipeline.yaml", "second")
    assert names(Pipelines(tmp_path)) == ["first", "second"]


def test_a_file_that_is_broken_keeps_its_last_good_plan_and_says_what_is_wrong(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "first")
    pipelines = Pipelines(tmp_path)
    assert names(pipelines) == ["first"]
    (tmp_path / "a.yaml").write_text("headrace: 1\nname: first\n")
    plans, broken = pipelines.plans()
    assert [plan.pipeline.name for plan in plans] == ["first"]
    assert "a.yaml" in broken
    assert "streams" in broken["a.yaml"]
    # And one that is gone is gone
    (tmp_path / "a.yaml").unlink()
    assert pipelines.plans() == ([], {})


def test_a_pipeline_in_two_files_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "first")
    write(tmp_path / "b.yaml", "first")
    plans, broken = Pipelines(tmp_path).plans()
    assert len(plans) == 1
    assert broken == {"b.yaml": "the pipeline acme.first is in another file too; keep one"}


@pytest.mark.parametrize(("form", "rows"), [("json", 1), ("ndjson", None), ("csv", None), ("arrow", None)])
def test_readers_are_those_that_have_something_to_read(tmp_path: Path, form: str, rows: int | None) -> None:
    write(tmp_path / "a.yaml", "first", form)
    found = {target.reader: target for target in targets(Pipelines(tmp_path).plans()[0])}
    assert sorted(reader.service for reader in found) == ["cleaning", "ingestion", "lake"]
    ingestion = found[Reader("acme", "first", "ingestion")]
    assert ingestion.group == "acme.first.ingestion"
    assert ingestion.sources == {"acme.first.raw.visits": Source(batches=False, rows_per_message=rows)}
    assert all(source.batches for source in found[Reader("acme", "first", "lake")].sources.values())
