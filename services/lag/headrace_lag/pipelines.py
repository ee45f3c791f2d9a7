"""A folder of pipeline files, read again when they change."""

from __future__ import annotations

import logging
from pathlib import Path

from headrace.contract.errors import UserError
from headrace.contract.load import load_pipeline
from headrace.contract.plan import Plan, make_plan

_log = logging.getLogger(__name__)

_MOST_BYTES = 1 << 20  # a ConfigMap holds no more


class Pipelines:
    """`*.yaml` in the folder and in folders in it; those that begin with a dot are a ConfigMap volume's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[str, Plan | None, str]] = {}  # text, the last good plan, what is wrong now

    def plans(self) -> tuple[list[Plan], dict[str, str]]:
        """The plans, one of each tenant and pipeline, and what is wrong with which file. Blocking.

        A file that has become unreadable keeps its last good plan: a slip of the pen must not blind the scaling.
        """
        now: dict[Path, tuple[str, Plan | None, str]] = {}
        for file in self._files():
            now[file] = self._take(file, self._read.get(file, ("", None, "")))
        self._read = now
        plans: dict[str, Plan] = {}
        broken: dict[str, str] = {}
        for file, (_, plan, wrong) in now.items():
            name = str(file.relative_to(self._folder))
            if wrong:
                broken[name] = wrong
            if plan is not None and plans.setdefault(plan.topics.prefix, plan) is not plan:
                broken[name] = f"the pipeline {plan.topics.prefix} is in another file too; keep one"
        return list(plans.values()), broken

    def _files(self) -> list[Path]:
        found = {*self._folder.glob("*.yaml"), *self._folder.glob("*/*.yaml")}
        return sorted(
            file for file in found if not any(part.startswith(".") for part in file.relative_to(self._folder).parts)
        )

    def _take(self, file: Path, before: tuple[str, Plan | None, str]) -> tuple[str, Plan | None, str]:
        text, plan, wrong = before
        try:
            if file.stat().st_size > _MOST_BYTES:
                return "", plan, f"it has more than {_MOST_BYTES} bytes"
            found = file.read_text(encoding="utf-8")
            if found == text:
                return before
            made = make_plan(load_pipeline(found, file.name))
        except (UserError, OSError, UnicodeDecodeError) as error:
            if str(error) != wrong:
                _log.error("pipeline file %s: %s", file, error)
            return "", plan, str(error)
        _log.info("pipeline %s from %s", made.topics.prefix, file)
        return found, made, ""
