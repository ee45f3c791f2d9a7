"""The pipeline file from the disk, for services and commands alike."""

from __future__ import annotations

from pathlib import Path

from headrace.contract.errors import PlanError
from headrace.contract.load import load_pipeline
from headrace.contract.plan import Plan, make_plan


def read_plan(file: Path) -> Plan:
    """The plan of a pipeline file; raises UserError that says why it cannot be read, or everything wrong in it."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PlanError(f"cannot read the pipeline file {file}: it is no UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise PlanError(f"cannot read the pipeline file {file}: {error.strerror}") from error
    return make_plan(load_pipeline(text, str(file)))
