"""One leg of a campaign: a world, an oracle, a schedule, and in the end a judgement."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from rig.campaign.run import Oracle, as_judge
from rig.failpoints.points import CELLS
from rig.faults.driver import Driver
from rig.faults.fault import Schedule
from rig.faults.flow import Flow, Recovery
from rig.faults.kinds import Kinds
from rig.faults.points import Points
from rig.faults.quiet import quiet
from rig.faults.signs import Sharpness, read_signs, sharpness
from rig.faults.watch import Slope, Watch, slopes
from rig.faults.world import World, world
from rig.judgement import CommitSampler, Judgement, judge, settled

RECOVERY_BOUND = 45.0
"""Seconds from a healed fault to flowing again, whatever else is broken meanwhile (I10), on two cores of one's own."""
MEMORY_BOUND = 900 << 20  # bytes of one service (I11)
FILES_BOUND = 256


@dataclass(slots=True)
class Leg:
    """What came of a leg. `problems` are broken promises that the judge of rows does not see."""

    schedule: Schedule
    judgement: Judgement
    sharpness: list[Sharpness]
    problems: list[str]
    kills: Counter[str]
    grid: Counter[tuple[str, str]]
    missed: list[str]
    recoveries: list[Recovery]
    rebalances: list[float]
    statuses: dict[str, dict[int, int]]
    memory: dict[str, int]
    files: dict[str, int]
    store: dict[str, int]
    notes: list[str]
    slopes: list[Slope]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """fail, dull or pass."""
        if self.judgement.findings or self.problems:
            return "fail"
        return "dull" if any(sign.count == 0 for sign in self.sharpness) else "pass"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "verdict": self.verdict,
            "schedule": self.schedule.line(),
            "judgement": self.judgement.to_json(20),
            "problems": self.problems,
            "sharpness": {sign.name: sign.count for sign in self.sharpness},
            "kills": dict(self.kills),
            "grid": {f"{point} {service}": self.grid[point, service] for point, service in CELLS},
            "missed": self.missed,
            "recoveries": [[each.kind, each.target, each.seconds, each.moved_meanwhile] for each in self.recoveries],
            "rebalances": self.rebalances,
            "statuses": self.statuses,
            "memory": self.memory,
            "files": self.files,
            "store": self.store,
            "notes": self.notes,
            "slopes": [asdict(slope) for slope in self.slopes],
            "seconds": self.seconds,
        }


def end_cleanly_when_told() -> None:
    """SIGTERM ends a run as Ctrl-C does: everything is healed, and no process and no mount stays behind."""

    def end(_: int, __: FrameType | None) -> None:
        sys.exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)


def run_leg(
    schedule: Schedule,
    folder: Path,
    *,
    rate: float,
    seconds: float,
    say: Callable[[str], None],
    bound: float = RECOVERY_BOUND,
) -> Leg:
    """Run a leg; `seconds` bound the time in which faults begin, `bound` the time to flowing again after each.

    Raises what keeps a rig from working at all.
    """
    began = time.monotonic()
    with quiet(folder / "librdkafka.log"), world(folder, schedule, say) as up:
        timing = {"start": time.monotonic() - began}
        with ExitStack() as watching:
            watching.enter_context(CommitSampler(up.endpoints.kafka, up.facts, folder / "commits.jsonl"))
            flow = watching.enter_context(Flow(up.endpoints.kafka, up.facts))
            watch = watching.enter_context(Watch(up.fleet))
            oracle = Oracle(
                up.endpoints.kafka,
                f"{up.plan.topics.prefix}.raw.",
                folder / "ledger",
                seed=schedule.seed,
                rate=rate,
            )
            watching.callback(oracle.kill)
            kinds = Kinds(up)
            points = Points(kinds)
            driver = Driver(kinds, points, flow, say)
            up.fleet.until(lambda: flow.messages > 0, "the first prediction", 60.0)
            driver.run(schedule, seconds)
            timing["faults"] = time.monotonic() - began - timing["start"]
            _wait(lambda: flow.flows, bound)
            said = oracle.end()
            say(f"healed; the oracle issued {said['issued']} records, {said['acknowledged']} acknowledged")
            waited = settled(up.endpoints.kafka, up.facts, seconds=180.0, watch=lambda: _alive(up))
            timing["settling"] = waited.seconds
            leg = _weigh(schedule, folder, up, driver, flow, watch, time.monotonic() - began, bound)
        problems = leg.problems
        problems += [] if waited.reached else [f"not settled in {waited.seconds:.0f} s: {', '.join(waited.left[:5])}"]
        problems += driver.failures
        timing["all"] = time.monotonic() - began
        leg.seconds |= timing
        return leg


def _weigh(
    schedule: Schedule,
    folder: Path,
    up: World,
    driver: Driver,
    flow: Flow,
    watch: Watch,
    age: float,
    bound: float,
) -> Leg:
    began = time.monotonic()
    # A writer that is killed between its files and their commit leaves orphans, which are as old as the run at most.
    judgement = judge(
        as_judge(up.endpoints),
        folder / "ledger",
        up.facts,
        commits=folder / "commits.jsonl",
        logs=up.folder.glob("*.log"),
        processes=[life.pid for instance in up.fleet if (life := instance.life) is not None],
        secrets={"the store's key": up.endpoints.secret_key},
        orphan_seconds=age + 600.0,
    )
    kinds = driver.kinds
    short = {fault.target for fault in driver.applied if fault.kind == "memory"}
    signs = read_signs(up.fleet, short)
    quarantined = judgement.hops[up.facts.topic("quarantine")].delivered
    store = up.proxies.done
    memory, files = _peaks(up)
    return Leg(
        schedule=schedule,
        judgement=judgement,
        sharpness=sharpness(signs, kinds.zombies, store["unknown but succeeded"], quarantined),
        problems=[*signs.surprises, *_late(flow, bound), *_above(memory, files)],
        kills=kinds.kills,
        grid=driver.points.hits,
        missed=[f"{each.service} {each.spec}" for each in driver.points.missed],
        recoveries=flow.recoveries,
        rebalances=signs.pauses,
        statuses={service: dict(counts) for service, counts in signs.statuses.items()},
        memory=memory,
        files=files,
        store=dict(store),
        notes=[*kinds.notes, *(f"{count} times {what}" for what, count in flow.troubles.items())],
        slopes=slopes(watch.readings),
        seconds={"judging": time.monotonic() - began},
    )


def _peaks(up: World) -> tuple[dict[str, int], dict[str, int]]:
    memory: dict[str, int] = {}
    files: dict[str, int] = {}
    for instance in up.fleet:
        for life in instance.lives:
            memory[instance.service] = max(memory.get(instance.service, 0), life.peak_memory)
            files[instance.service] = max(files.get(instance.service, 0), life.peak_files)
    return memory, files


def _late(flow: Flow, bound: float) -> list[str]:
    found = [] if flow.failure is None else [f"the watch over the last hop ended: {flow.failure!r}"]
    for each in flow.recoveries:
        if each.healed is None:
            found.append(f"I10: {each.kind} {each.target} was never healed")
        elif each.seconds is None:
            found.append(f"I10: after {each.kind} {each.target} nothing flowed again")
        elif each.seconds > bound:
            found.append(f"I10: after {each.kind} {each.target} it took {each.seconds:.1f} s until messages flowed")
    return found


def _above(memory: dict[str, int], files: dict[str, int]) -> list[str]:
    found = [f"I11: {name} took {most >> 20} MiB" for name, most in memory.items() if most > MEMORY_BOUND]
    return found + [f"I11: {name} had {most} files open" for name, most in files.items() if most > FILES_BOUND]


def _alive(up: World) -> None:
    if up.fleet.failure is not None:
        raise up.fleet.failure


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
