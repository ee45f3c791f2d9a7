"""Every case with every rule."""

from __future__ import annotations

from rig.scaling.cases import Case
from rig.scaling.hpa import Kind, Limit, Rules
from rig.scaling.lag_service import LagService
from rig.scaling.rivals import Keda, LagThreshold
from rig.scaling.run import Outcome, Rule, run

THRESHOLD_S = 10
"""The lag that the rivals allow each replica, in seconds of its work: what a careful person would set."""
_SLOWLY = Rules((Limit(Kind.PODS, 1, 60),), 300)  # a pod a minute


def rules(case: Case) -> list[Rule]:
    """Fresh rules, set for the case as well as each can be without knowing what will happen."""
    most, rows_per_message = case.setting.partitions, case.setting.rows_per_message(0)
    threshold = int(case.setting.rate_rows_s * THRESHOLD_S / rows_per_message)
    return [
        LagService(case.policy, away=case.lag_service_away),
        Keda(threshold, most, case.minimum),
        Keda(
            threshold,
            most,
            case.minimum,
            limit_to_partitions_with_lag=True,
            exclude_persistent_lag=True,
            down=_SLOWLY,
            name="KEDA, careful",
        ),
        LagThreshold(threshold, most),
    ]


def compared(case: Case) -> list[Outcome]:
    """What each rule makes of the case."""
    return [run(case.setting, rule, case.seconds) for rule in rules(case)]
