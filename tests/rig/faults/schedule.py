"""Drawing schedules: legs of a campaign, each a pure function of its seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import chain, cycle, islice

from rig.failpoints.points import CELLS, SERVICES, Cell
from rig.faults.fault import Fault, Schedule

CELL_HITS = 20
"""How often a campaign of a thousand kills meets each cell of the grid."""

LEG_KILLS = 150
PACE = 1.1
"""Seconds from one fault of a campaign to the next."""

GENTLE_SECONDS = 2400.0
"""The end of a soak, in which no fault ends a process: growth shows only in one that lives for long."""

_SESSION = 5.0  # HEADRACE_SESSION_SECONDS in the rig: see `world`

_OFTEN = ("after_poll", "after_gate", "after_stage", "before_send", "after_acks")  # passed many times a second

# Every kind that is no kill of a service: what a leg takes from in turn. Each begins when everything flows.
ROTATION: tuple[Fault, ...] = (
    Fault(0, "kafka", "broker_kill", 2.0),
    Fault(0, "cleaning", "scale", 12.0, "4"),
    Fault(0, "all", "s3_down", 12.0),
    Fault(0, "ingestion", "kafka_cut", 4.0),
    Fault(0, "feature_engineering", "memory", 4.0),
    Fault(0, "lake", "clock", 8.0, "-3600"),
    Fault(0, "kafka", "broker_pause", 5.0),
    Fault(0, "all", "s3_503", 8.0, "0.5"),
    Fault(0, "feature_engineering", "scale", 12.0, "4"),
    Fault(0, "cleaning", "kafka_hole", 9.0),
    Fault(0, "s3", "disk_full", 6.0),
    Fault(0, "inference", "starve", 6.0, "0.9"),
    Fault(0, "all", "s3_truncated", 6.0, "0.5"),
    Fault(0, "ingestion", "clock", 6.0, "3600"),
    Fault(0, "kafka", "broker_restart"),
    Fault(0, "ingestion", "scale", 12.0, "4"),
    Fault(0, "all", "s3_slow", 8.0, "0.7"),
    Fault(0, "kafka", "disk_full", 5.0),
    Fault(0, "inference", "kafka_slow", 6.0, "0.3"),
    Fault(0, "all", "s3_wrong_etag", 6.0, "0.5"),
    Fault(0, "lake", "memory", 4.0),
    Fault(0, "lake", "scale", 14.0, "4"),
    Fault(0, "lake", "kafka_hole", 9.0),
    Fault(0, "cleaning", "starve", 6.0, "0.9"),
    Fault(0, "inference", "scale", 12.0, "4"),
    Fault(0, "feature_engineering", "clock", 6.0, "-7200"),
)

# Of these no process ends that was there before.
_GENTLE = tuple(fault for fault in ROTATION if fault.kind in ("kafka_slow", "s3_slow", "scale", "starve"))

# What every leg needs to be sharp: an owner that wakes up after another took over, writes that landed unanswered.
_ALWAYS = (
    Fault(0, "", "zombie", _SESSION + 5.0, calm=True),
    Fault(0, "lake", "s3_forward_500", 8.0, "0.5:_delta_log"),
    Fault(0, "all", "s3_forward_cut", 8.0, "0.3"),
)


def legs(kills: int) -> int:
    """How many legs a campaign of so many kills has."""
    return max(1, -(-kills // LEG_KILLS))


def draw_leg(seed: int, leg: int, kills: int, *, pace: float = PACE) -> Schedule:
    """One leg of a campaign: its share of the failpoint grid, kills of other sorts, and some of the other kinds."""
    count = legs(kills)
    dice = random.Random(f"{seed}/{leg}")
    hits = -(-CELL_HITS * kills // 1000) * len(CELLS)
    deck = list(islice(_deck(seed), hits))[leg::count]
    share = -(-kills // count)
    others = [*_ALWAYS, *islice(cycle(ROTATION), leg * 3, leg * 3 + 4)]
    dice.shuffle(others)
    rounds: list[list[Fault]] = [[_point(cell, dice)] for cell in deck]
    rounds += [[Fault(0, dice.choice(SERVICES), "kill")] for _ in range(max(10, (share - len(deck)) // 3))]
    rounds += [[Fault(0, service, "term")] for service in SERVICES]
    rounds += [[Fault(0, "all", "kill")] for _ in range(max(1, share // 60))]
    rounds += [_burst(dice.choice(SERVICES)) for _ in range(max(1, share // 60))]
    dice.shuffle(rounds)
    every = max(1, len(rounds) // (len(others) + 1))
    return Schedule(seed * 1000 + leg, tuple(_placed(rounds, others, every, pace, dice)))


def draw_short(seed: int, *, pace: float = 1.2) -> Schedule:
    """A run of a few minutes: each cell of the grid once, kills of every sort, and what a run needs to be sharp."""
    dice = random.Random(f"{seed}/short")
    rounds: list[list[Fault]] = [[_point(cell, dice)] for cell in islice(_deck(seed), len(CELLS))]
    rounds += [[Fault(0, service, kind)] for service in SERVICES for kind in ("kill", "kill", "term")]
    rounds += [[Fault(0, "all", "kill")], _burst(dice.choice(SERVICES))]
    dice.shuffle(rounds)
    others = [
        Fault(0, "cleaning", "zombie", _SESSION + 5.0),
        Fault(0, "kafka", "broker_kill", 1.0),
        Fault(0, "feature_engineering", "scale", 5.0, "2"),
        Fault(0, "all", "s3_503", 4.0, "0.5"),
        Fault(0, "lake", "s3_forward_500", 8.0, "0.5:_delta_log"),
    ]
    every = len(rounds) // (len(others) + 1)
    return Schedule(seed, tuple(_placed(rounds, others, every, pace, dice)))


def draw_soak(seed: int, seconds: float, *, every: float = 60.0) -> Schedule:
    """Hours with a fault a minute, of every kind until the last `GENTLE_SECONDS`; then those that end no process."""
    dice = random.Random(f"{seed}/soak")
    kills = [Fault(0, service, kind) for service in SERVICES for kind in ("kill", "term")]
    deck = [*kills, *(_point(cell, dice) for cell in CELLS[::5]), *ROTATION]
    dice.shuffle(deck)
    rough = islice(cycle([*_ALWAYS, *deck]), max(0, int((seconds - GENTLE_SECONDS) / every)))
    drawn = islice(chain(rough, cycle(_GENTLE)), int(seconds / every))
    return Schedule(
        seed,
        tuple(
            Fault(number * every, fault.target or dice.choice(SERVICES), fault.kind, fault.lasts, fault.detail)
            for number, fault in enumerate(drawn, 1)
        ),
    )


def _placed(
    rounds: Sequence[Sequence[Fault]], others: list[Fault], every: int, pace: float, dice: random.Random
) -> Iterator[Fault]:
    at = 1.0
    waiting = list(others)
    for number, faults in enumerate(rounds, 1):
        for fault in faults:
            yield _moved(fault, at + fault.at)
        at += max((fault.at for fault in faults), default=0.0) + pace * dice.uniform(0.7, 1.3)
        if number % every == 0 and waiting:
            other = waiting.pop()
            target = other.target or dice.choice(SERVICES)
            yield Fault(at, target, other.kind, other.lasts, other.detail, calm=True)
            # Faults of the store and kills go together; whatever else lasts has the stage for itself.
            at += pace if other.kind.startswith("s3_") else other.lasts + pace
    for other in waiting:
        yield Fault(at, other.target or dice.choice(SERVICES), other.kind, other.lasts, other.detail, calm=True)
        at += other.lasts + pace


def _moved(fault: Fault, at: float) -> Fault:
    return Fault(at, fault.target, fault.kind, fault.lasts, fault.detail, fault.calm)


def _deck(seed: int) -> Iterator[Cell]:
    """The cells in an order that a seed says, all of them before any comes again."""
    dice = random.Random(f"{seed}/deck")
    while True:
        cells = list(CELLS)
        dice.shuffle(cells)
        yield from cells


def _point(cell: Cell, dice: random.Random) -> Fault:
    point, service = cell
    mode = dice.choices(("exit", "raise", "sleep"), (16, 2, 1))[0]
    nth = dice.randint(1, 4) if point in _OFTEN else 1
    tail = ":2" if mode == "sleep" else ""
    return Fault(0, service, "failpoint", 0.0, f"{point}:{mode}:{nth}{tail}")


def _burst(service: str) -> list[Fault]:
    """A service that is killed again and again while it starts."""
    return [Fault(number * 0.6, service, "kill") for number in range(4)]
