"""A report for people: a line for each scenario, those that differ only in their input together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rig.cluster.report import Figure, Report, Scenario

_NAME, _VERDICT, _FIGURES = 78, 22, 90


def summary(report: Report) -> str:
    """What the scenarios ran on, then each with its verdict, seconds and figures, then how many there are of what."""
    about = [f"{name}: {_told(value)}" for name, value in report.about.items()]
    rows = [_row(*each) for each in _together(report.scenarios)]
    verdicts = Counter(each.verdict for each in report.scenarios)
    total = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())) or "no scenario ran"
    return "\n".join([*about, "", f"{'scenario':<{_NAME}}  {'verdict':<{_VERDICT}}{'s':>7}  figures", *rows, "", total])


def _together(scenarios: Sequence[Scenario]) -> Iterator[tuple[str, list[Scenario]]]:
    for name, found in groupby(scenarios, lambda each: each.name.partition("[")[0]):
        yield name, list(found)


def _row(name: str, found: Sequence[Scenario]) -> str:
    verdicts = Counter(each.verdict for each in found)
    many = len(found) > 1
    verdict = ", ".join(f"{count} {each}" if many else each for each, count in sorted(verdicts.items()))
    figures = "; ".join(f"{key}: {_told(value)}" for each in found for key, value in each.figures.items())
    if len(figures) > _FIGURES:
        figures = f"{figures[: _FIGURES - 1]}…"
    seconds = sum(each.seconds for each in found)
    return f"{name[:_NAME]:<{_NAME}}  {verdict:<{_VERDICT}}{seconds:>7.1f}  {figures}".rstrip()


def _told(value: Figure) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(each)}" for name, each in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
