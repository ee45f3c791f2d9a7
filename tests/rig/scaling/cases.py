"""What goes wrong with scaling in the field, each as a case."""

from __future__ import annotations

import math
from dataclasses import dataclass

from headrace.autoscale.policy import Policy

from rig.scaling.world import Over, Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A setting with the time it needs, and when what it is about begins."""

    name: str
    story: str
    setting: Setting
    seconds: int = 2400
    since_s: float = 300
    minimum: int = 1
    start_rate_rows_s: float = 1000.0
    """What Headrace is told that a replica works; the rivals' thresholds always come from the true rate."""
    lag_service_away: tuple[float, float] = (0.0, 0.0)

    @property
    def policy(self) -> Policy:
        """How Headrace is set: every value that is not of the service itself is the default."""
        return Policy(
            minimum=self.minimum,
            maximum=self.setting.partitions,
            start_rate_rows_s=self.start_rate_rows_s,
            restart_cost_s=self.setting.start_s + self.setting.rebalance_s,
        )


def constant(rows_s: float) -> Over:
    """Always the same."""
    return lambda _: rows_s


def between(usual: float, other: float, since_s: float, until_s: float) -> Over:
    """`other` from and until then, else `usual`."""
    return lambda at: other if since_s <= at < until_s else usual


def wave(mean: float, part: float, period_s: float) -> Over:
    """Up and down around a mean."""
    return lambda at: mean * (1 + part * math.sin(2 * math.pi * at / period_s))


def _bursts(usual: float, burst: float, seconds: float, every_s: float) -> Over:
    return lambda at: burst if at % every_s >= every_s - seconds else usual


LOAD_STEP = Case(
    name="load step ×5 and back",
    story="Five times the load for 15 minutes.",
    setting=Setting(load_rows_s=between(1500, 7500, 300, 1200)),
)
STEADY = Case(
    name="steady load",
    story="Nothing happens: 4,000 rows/s, 10 % noise.",
    setting=Setting(load_rows_s=constant(4000), replicas=6),
    seconds=1800,
)
NO_COMMIT = Case(
    name="no committed offset",
    story="A new group at the start of a log of 600,000 rows, of which retention had taken 5 million more.",
    setting=Setting(
        load_rows_s=constant(1500),
        committed=False,
        backlog_rows=600_000,
        deleted_messages=400_000,
        replicas=1,
        start_s=60,
    ),
    since_s=0,
)
RECREATED = Case(
    name="recreated topic",
    story="The topic is deleted and created again; the service refuses to read it until a person has looked.",
    setting=Setting(load_rows_s=constant(4000), replicas=6, recreated_at_s=600),
    since_s=600,
    seconds=1800,
)
OVERTAKEN = Case(
    name="retention past the offset",
    story="Retention deletes rows that were not read; the service refuses to skip them until a person has looked.",
    setting=Setting(load_rows_s=constant(4000), replicas=6, overtaken_at_s=600),
    since_s=600,
    seconds=1800,
)
POISON = Case(
    name="poison partition",
    story="Nobody gets on with one partition of twelve; the others are fine.",
    setting=Setting(load_rows_s=constant(1800), replicas=3, poison_at_s=300),
    seconds=1500,
)
FLAPPING = Case(
    name="flapping",
    story="Load that swings by 30 % every 8 minutes.",
    setting=Setting(load_rows_s=wave(3000, 0.3, 480), replicas=4),
    seconds=3600,
)
ALL_OR_NOTHING = Case(
    name="all-or-nothing jumps",
    story="A burst of 90,000 rows every 10 minutes over a quiet load.",
    setting=Setting(load_rows_s=_bursts(600, 5100, 20, 600), replicas=1),
    seconds=3600,
    since_s=580,
)
ROUNDING = Case(
    name="rounding stuck at N − 1",
    story="Eleven replicas where twelve are needed: within the HPA's 10 % tolerance.",
    setting=Setting(load_rows_s=constant(8500), replicas=11),
    seconds=1500,
)
OUTAGE = Case(
    name="outage read as zero",
    story="The broker answers nobody for 8 minutes; producers keep their rows.",
    setting=Setting(load_rows_s=constant(4000), replicas=6, broker_away=(600, 1080)),
    since_s=600,
)
LAG_SERVICE_OUTAGE = Case(
    name="lag service away",
    story="Headrace's own lag service is away for 8 minutes, in which the load is 2.5 times as much for 4.",
    setting=Setting(load_rows_s=between(2000, 5000, 660, 900), replicas=4),
    lag_service_away=(600, 1080),
    since_s=660,
    seconds=1500,
)
SLOWER = Case(
    name="more pods making it slower",
    story="Replicas get into each other's way: four together work most, twelve less than one.",
    setting=Setting(load_rows_s=between(1500, 3000, 300, 1500), slowdown=lambda n: 1 / (1 + 0.0625 * (n - 1) ** 2)),
    seconds=3600,
)
DOWNSTREAM = Case(
    name="downstream is the limit",
    story="What the service writes to takes 2,500 rows/s at most for 15 minutes; 3,000 arrive.",
    setting=Setting(
        load_rows_s=constant(3000), downstream_rows_s=between(math.inf, 2500, 300, 1200), partitions=24, replicas=4
    ),
)
HOT = Case(
    name="one hot partition",
    story="Half of the load is in one partition, more than a replica works, for 15 minutes.",
    setting=Setting(load_rows_s=between(1200, 2400, 300, 1200), shares=(0.5, *(0.5 / 11,) * 11)),
)
SLOW_START = Case(
    name="slow pod starts",
    story="Three times the load for 15 minutes, and a pod takes two minutes to start.",
    setting=Setting(load_rows_s=between(1500, 4500, 300, 1200), start_s=120),
)
SLEEP = Case(
    name="to zero and back",
    story="Nothing for 20 minutes, then 2,000 rows/s.",
    setting=Setting(load_rows_s=lambda at: 0 if 300 <= at < 1500 else 2000, replicas=3, noise=0),
    minimum=0,
    since_s=1500,
)
BATCHES = Case(
    name="batches that grow with the load",
    story="Five times the load comes in as many messages of five times the rows, as batching producers send.",
    setting=Setting(load_rows_s=between(1500, 7500, 300, 1200), rows_per_message=between(100, 500, 300, 1200)),
)
TOLD_TOO_LOW = Case(
    name="told too low a rate",
    story="The load step, and Headrace was told that a replica works half of what it does.",
    setting=LOAD_STEP.setting,
    start_rate_rows_s=500,
)
TOLD_TOO_HIGH = Case(
    name="told too high a rate",
    story="The load step, and Headrace was told that a replica works three times what it does.",
    setting=LOAD_STEP.setting,
    start_rate_rows_s=3000,
)

CASES = (
    LOAD_STEP, STEADY, NO_COMMIT, RECREATED, OVERTAKEN, POISON, FLAPPING, ALL_OR_NOTHING, ROUNDING, OUTAGE,
    LAG_SERVICE_OUTAGE, SLOWER, DOWNSTREAM, HOT, SLOW_START, SLEEP, BATCHES,
    TOLD_TOO_LOW, TOLD_TOO_HIGH,
)  # fmt: skip
