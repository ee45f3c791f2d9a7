"""`python -m rig.faults.page`: docs/reliability.md from the reports of a campaign, of spaced faults and of a soak.

What was run since is kept in docs/reliability first; the sections of other runs are written from what was kept before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from headrace.local.places import state_folder

from rig.faults.figures import Report
from rig.faults.kept import KEPT, Missing, keep
from rig.faults.schedule import GENTLE_SECONDS, ROTATION
from rig.judgement.words import ROWS
from rig.planted.plant import ROOT

_NOT_TESTED = """\
- Power loss: processes were killed, the machine was not. What a broker had acknowledged was in the page cache.
- More than one broker: one Kafka node with replication factor 1. Losing a node of three is Kafka's own promise.
- The clocks of several hosts: every process has the same clock, or (clock) an offset of hours from the others.
- A real cloud's S3: the server is a local one, behind a proxy that breaks requests.
- A service's memory limit as the kernel enforces it in a container: `memory` bounds the address space.
"""

_LAKE_GROWS = """\
The lake grows with the files that its tables list, since every 20 commits it reads and writes that list as a
checkpoint. Measured once, by hand, in a process with the writers of eleven tables alone, on a real S3 server: 15,400
commits took it from 198 to 232 MiB, 13,200 without checkpoints left it at 198. `headrace lake compact` replaces many
files by few; what it replaced stays listed for 7 days.
"""

_FOUND = """\
- 2026-11-30 at d36d8ff, `make faults KILLS=300 SEED=2 RATE=40`: one row out of order in a merged log (I5). An overflow
  hid that an origin had fallen behind before its first row, so the order of rows depended on how a log was cut into
  steps. Mended in 1143397, pinned by `tests/unit/features/test_order.py`; campaigns of before ran on code that had it.
- Since then nothing: 1,379 kills of `SEED=1` at f92dde0, and those above, both at 40 records a second.
"""


def page(report: Report, planted: Report, spaced: Report, soak: Report) -> str:
    """The page, of what `rig.faults`, `rig.planted`, `rig.faults` with a longer PACE, and `rig.soak` wrote."""
    kills = dict(report["kills"])
    total = kills.pop("total")
    legs = report["legs"]
    recovery, rebalance = report["recovery_s"], report["rebalance_s"]
    parts = [
        "# Reliability",
        "Written by `make reliability` from the reports of the last campaign (`make faults`), of faults far apart"
        " (`make faults PACE=…`), of\n`make soak` and of `make planted`, which are kept in [reliability](reliability/)."
        " All services, a real Kafka and a real S3 server on two\ncores; an oracle of its own sends records and notes"
        " which were acknowledged, and a judge that shares no code with the suite compares every topic\nand every table"
        " with what it computes itself.",
        "## Verdict",
        f"**{_verdict(report)}**: {total} kills in {legs['done']} legs of {legs['planned']},"
        f" {report['acknowledged']:,} of {report['issued']:,} records acknowledged. {_ran(report)}",
        _table(["", *map(_word, ROWS)], [["rows", *(report[word] for word in ROWS)]]),
        f"{report['bound'].capitalize()}. Other findings: "
        + (", ".join(f"{count} {_word(word)}" for word, count in report["other_findings"].items() if count) or "none")
        + ". Promises that the judge of rows does not see (liveness, memory, files): "
        + ("; ".join(report["problems"]) or "none broken")
        + ".",
        f"Records whose outcome their producer never learnt: {report['unknown']['issued_never_acknowledged']}, of which"
        f" {report['unknown']['of_those_in_kafka']} are in Kafka.",
        "## By hop",
        _table(
            ["", "expected", "delivered", "rejected", "dropped on purpose", "replayed, and told"],
            (
                [
                    f"`{name}`",
                    *(f"{hop[key]:,}" for key in ("expected", "delivered", "rejected", "dropped", "replayed")),
                ]
                for name, hop in sorted(report["hops"].items())
            ),
        ),
        "## How hard it was",
        _table(["sign", "count"], ([sign, f"{count:,}"] for sign, count in report["sharpness"].items())),
        _table(["kills", "count"], ([kind, count] for kind, count in kills.items())),
        f"Failpoints: each cell of the grid was met at least {report['grid_least']} times.",
        _grid(report["grid"]),
        "## From fault to flowing again",
        "Seconds from a kill, or from the end of a fault that lasts, until a record that was acknowledged after it has"
        " its prediction (of the lake: is\ncommitted there), whatever else is broken meanwhile.",
        _table(
            ["fault", "n", "p50", "p95", "p99", "most"],
            ([kind, *(_spread(seconds))] for kind, seconds in recovery.items()),
        ),
        _table(
            ["what was hit", "n", "p50", "p95", "p99", "most"],
            ([target, *(_spread(seconds))] for target, seconds in report["recovery_by_target_s"].items()),
        ),
        "With a fault a second, most of the two cores' time goes into starting processes again, and the lake is often"
        " hit again\nbefore it has written.",
        *_spaced(spaced),
        f"Kinds that the campaign did not meet: {', '.join(sorted(_kinds() - recovery.keys())) or 'none'}.",
        "Seconds that partitions stood still in rebalances, from when an owner is told to give one up until the next is"
        " ready for it. aiokafka knows\nthe eager protocol only: all members give up all partitions, and nobody has any"
        " before the slowest has heard of it and joined again. What we do\nabout it, and the pauses with production's"
        " session, is in [ADR 0015](adr/0015-rebalances-are-eager.md).",
        _table(["n", "p50", "p95", "p99", "most"], [_spread(rebalance)]),
        "## What it took",
        _table(
            ["service", "peak memory, MiB", "most files open"],
            ([name, most, report["peak_files"][name]] for name, most in report["peak_memory_mib"].items()),
        ),
        *_soak(soak),
        "## Can the judges fail?",
        f"{planted['caught']} of {planted['total']} planted bugs were caught by the invariant named for them"
        f" (`make planted`). {_ran(planted)}",
        _table(["bug", "caught by"], ([name, invariant] for name, (invariant, _) in planted["bugs"].items())),
        "## What campaigns have found since they are kept",
        _FOUND.rstrip(),
        "## What was not tested",
        _NOT_TESTED.rstrip(),
        "## To repeat it",
        f"`make faults {_asked(report['asked'])}` draws the same schedules. Every schedule, note and figure is in\n"
        "`.headrace/faults/report.json` after a run (all but the schedules in [reliability](reliability/report.json));"
        " `SCHEDULE='…' make faults` repeats one\nleg.",
        ", ".join(f"{name} {version}" for name, version in report["versions"].items()) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def _spaced(report: Report) -> list[str]:
    """What a fault costs when nothing else is broken."""
    asked, recovery = report["asked"], report["recovery_s"]
    return [
        f"One fault at a time, {asked['pace']:g} s apart (`make faults {_asked(asked)}`: {_verdict(report)},\n"
        f"{report['kills']['total']} kills, {report['acknowledged']:,} records, {_lines(report)}). {_ran(report)}",
        _table(
            ["fault", "n", "p50", "p95", "p99", "most"],
            ([kind, *_spread(seconds)] for kind, seconds in recovery.items()),
        ),
        _table(
            ["what was hit", "n", "p50", "p95", "p99", "most"],
            ([target, *_spread(seconds)] for target, seconds in report["recovery_by_target_s"].items()),
        ),
    ]


def _soak(soak: Report) -> list[str]:
    """How the longest-lived process of each service grew while a fault came every minute."""
    longest: dict[str, Report] = {}
    for slope in soak["slopes"]:
        name = slope["instance"]
        if name not in longest or slope["hours"] > longest[name]["hours"]:
            longest[name] = slope
    judged = soak["judgement"]
    return [
        "## A long run",
        f"`make soak {_asked(soak['asked'])}`: {soak['verdict']}, {sum(soak['kills'].values())} kills, a fault a"
        f" minute, in the last {GENTLE_SECONDS / 60:g} minutes none that ends a process;\n"
        f"{judged['acknowledged']:,} records, {_lines(judged)}. {_ran(soak)}\nThe process of each service"
        " that lived the longest, by least squares after two minutes of warming up:",
        _table(
            ["instance", "lived, h", "memory, MiB an hour", "files an hour"],
            (
                [name, f"{slope['hours']:.2f}", f"{slope['memory'] / (1 << 20):+.1f}", f"{slope['files']:+.2f}"]
                for name, slope in sorted(longest.items())
            ),
        ),
        _LAKE_GROWS.rstrip(),
    ]


def _ran(report: Report) -> str:
    return f"Run on {', '.join(report['ran'])}."


def _verdict(report: Report) -> str:
    """The verdict, and the signs of hardness that the run lacks."""
    unmet = [sign for sign, count in report["sharpness"].items() if not count]
    return f"{report['verdict']} (not met: {'; '.join(unmet)})" if unmet else str(report["verdict"])


def _lines(report: Report) -> str:
    return ", ".join(f"{report[word]} {_word(word)}" for word in ROWS)


def _asked(asked: Mapping[str, float]) -> str:
    return " ".join(f"{name.upper()}={value:g}" for name, value in asked.items())


def _kinds() -> set[str]:
    """Every kind of fault that a whole campaign meets by turns."""
    return {fault.kind for fault in ROTATION}


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _grid(grid: Mapping[str, int]) -> str:
    """Points down, services across; a point that a service does not have is left empty."""
    cells = {tuple(name.split(" ")): count for name, count in grid.items()}
    points, services = (list(dict.fromkeys(name[part] for name in cells)) for part in (0, 1))
    return _table(["", *services], ([point, *(cells.get((point, s), "") for s in services)] for point in points))


def _spread(seconds: Mapping[str, float]) -> list[float]:
    return [seconds.get(name, 0) for name in ("n", "p50", "p95", "p99", "max")]


def _word(word: str) -> str:
    return word.replace("_", " ")


def main() -> None:
    """Write the page."""
    try:
        reports = keep(state_folder() / "faults", KEPT)
    except Missing as error:
        sys.exit(f"rig.faults.page: {error}")
    (ROOT / "docs/reliability.md").write_text(page(*reports), encoding="utf-8")


if __name__ == "__main__":
    main()
