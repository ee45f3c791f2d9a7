"""Legs added up to a report."""

from __future__ import annotations

import math
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from rig.judgement.words import ROWS, Word

_PACKAGES = ("aiokafka", "confluent-kafka", "pyarrow", "polars", "boto3", "deltalake", "onnxruntime", "numba")

Report = dict[str, Any]  # Any: plain data


def add_up(legs: Sequence[Mapping[str, Any]], planned: int, planted: Mapping[str, int] | None) -> Report:
    """The report of a campaign from its legs' `to_json`; `planned` legs belong to it."""
    kills = _sum(leg["kills"] for leg in legs)
    sharp = _sum(leg["sharpness"] for leg in legs)
    total = sum(count for kind, count in kills.items() if not kind.startswith("broker"))
    judgements = [leg["judgement"] for leg in legs]
    return {
        "verdict": _verdict(legs, sharp),
        "legs": {"done": len(legs), "planned": planned, "verdicts": [leg["verdict"] for leg in legs]},
        **{str(word): sum(judgement[word] for judgement in judgements) for word in ROWS},
        "other_findings": {
            str(word): sum(judgement[word] for judgement in judgements) for word in Word if word not in ROWS
        },
        "issued": sum(judgement["issued"] for judgement in judgements),
        "acknowledged": sum(judgement["acknowledged"] for judgement in judgements),
        "unknown": _sum(judgement["unknown"] for judgement in judgements),
        "hops": _hops(judgements),
        "kills": {"total": total, **dict(sorted(kills.items()))},
        "bound": f"no failure in {total} kills: rate below {3 / max(1, total):.2%} with 95 % confidence",
        "planted": dict(planted) if planted is not None else None,
        "sharpness": dict(sharp),
        "grid": dict(_sum(leg["grid"] for leg in legs)),
        "grid_least": min(_sum(leg["grid"] for leg in legs).values(), default=0),
        "recovery_s": _recovery(legs),
        "recovery_by_target_s": _recovery_by_target(legs),
        "flowed_during": _during(legs),
        "rebalance_s": spread([seconds for leg in legs for seconds in leg["rebalances"]]),
        "peak_memory_mib": {name: most >> 20 for name, most in _most(leg["memory"] for leg in legs).items()},
        "peak_files": _most(leg["files"] for leg in legs),
        "exit_statuses": _statuses(legs),
        "store_faults": dict(_sum(leg["store"] for leg in legs)),
        "problems": [problem for leg in legs for problem in leg["problems"]],
        "missed": [missed for leg in legs for missed in leg["missed"]],
        "notes": [note for leg in legs for note in leg["notes"]],
        "schedules": [leg["schedule"] for leg in legs],
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
    }


def spread(seconds: Iterable[float | None]) -> dict[str, float]:
    """How often, and p50, p95, p99 and the most."""
    known = sorted(each for each in seconds if each is not None)
    if not known:
        return {"n": 0}

    def at(share: float) -> float:
        return round(known[min(len(known) - 1, math.ceil(share * len(known)) - 1)], 2)

    return {"n": len(known), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": round(known[-1], 2)}


def _verdict(legs: Sequence[Mapping[str, Any]], sharp: Mapping[str, int]) -> str:
    if not legs or any(leg["verdict"] == "fail" for leg in legs):
        return "fail"
    return "pass" if all(sharp.values()) else "dull"


def _recovery(legs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    by_kind: dict[str, list[float | None]] = defaultdict(list)
    for leg in legs:
        for kind, target, seconds, _ in leg["recoveries"]:
            by_kind["all"].append(seconds)
            by_kind[f"{kind} all at once" if kind == "kill" and target == "all" else kind].append(seconds)
    return {kind: spread(seconds) for kind, seconds in sorted(by_kind.items())}


def _recovery_by_target(legs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    by_target: dict[str, list[float | None]] = defaultdict(list)
    for leg in legs:
        for _, target, seconds, _ in leg["recoveries"]:
            by_target[target].append(seconds)
    return {target: spread(seconds) for target, seconds in sorted(by_target.items())}


def _during(legs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Messages at the last hop while a fault of the store lasted."""
    found: Counter[str] = Counter()
    for leg in legs:
        for kind, _, _, moved in leg["recoveries"]:
            if kind.startswith("s3_"):
                found[kind] += moved
    return dict(found)


def _hops(judgements: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """By hop, without the tenant, which each leg has of its own."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for judgement in judgements:
        for name, hop in judgement["hops"].items():
            own = name if name.startswith("lake/") else name.split(".", 2)[-1]
            found[own].update({key: hop[key] for key in ("expected", "delivered", "rejected", "dropped", "replayed")})
    return {name: dict(counts) for name, counts in found.items()}


def _statuses(legs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for leg in legs:
        for service, counts in leg["statuses"].items():
            found[service].update({str(status): count for status, count in counts.items()})
    return {service: dict(counts) for service, counts in found.items()}


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for each in counts:
        for name, count in each.items():
            found[name] += count  # keeps those that are 0
    return found


def _most(values: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in values:
        for name, value in each.items():
            found[name] = max(value, found.get(name, 0))
    return found
