"""The hand-written loop run over a backlog by one process or by several that share the partitions."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from headrace.local.child import Child
from headrace.runtime import kafka, topics
from headrace.runtime.kafka_access import KafkaAccess
from measure import Meter, Usage, Work

from w1.place import STREAM, Place

_PROGRAM = Path(__file__).with_name("hand_loop.py")
_SECONDS = 120.0


def run_by_hand(place: Place, model: bytes, processes: int) -> tuple[Work, int]:
    """Work off the raw topic of a place; returns the cost and how many rows were good."""
    folder = place.folder / f"by_hand_{processes}"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model)
    out = {name: f"{place.plan.topics.prefix}.by_hand_{processes}.{name}" for name in ("predictions", "rejected")}
    partitions = place.plan.pipeline.partitions
    asyncio.run(_create(place.endpoints.kafka, dict.fromkeys(out.values(), partitions)))
    with ExitStack() as open_:
        children = []
        for number in range(processes):
            job = folder / f"{number}.json"
            job.write_text(json.dumps(_job(place, folder, number, list(range(number, partitions, processes)), out)))
            child = Child(f"by_hand_{number}", [sys.executable, str(_PROGRAM), str(job)], log=folder / f"{number}.log")
            open_.callback(child.kill)
            child.start()
            children.append(child)
        _wait(children, [folder / f"{number}.ready" for number in range(processes)])
        meter = Meter({"kafka": place.stack.kafka.child.pid, "s3": place.stack.s3.child.pid})
        (folder / "go").touch()
        _wait(children, [folder / f"{number}.result" for number in range(processes)])
        results = [_result(folder / f"{number}.result") for number in range(processes)]
        rows, size = sum(each["rows"] for each in results), sum(each["bytes"] for each in results)
        seconds = max(each["ended"] for each in results) - min(each["began"] for each in results)
        servers = meter.read("servers", rows, size, seconds).processes
    own = {f"by hand {number}": Usage(each["cpu_seconds"], each["peak_bytes"]) for number, each in enumerate(results)}
    name = f"W1 by hand, {processes} process{'es' if processes > 1 else ''}"
    good = sum(each["good"] for each in results)
    return Work(name, rows, size, seconds, {**own, **servers}), good


def _job(place: Place, folder: Path, number: int, partitions: list[int], out: Mapping[str, str]) -> dict[str, Any]:
    at = place.endpoints
    return {
        "kafka": at.kafka,
        "topic": place.plan.topics.raw(STREAM),
        "partitions": partitions,
        **out,
        "s3": at.s3,
        "bucket": at.bucket,
        "access_key": at.access_key,
        "secret_key": at.secret_key,
        "model": str(folder / "model.onnx"),
        "ready": str(folder / f"{number}.ready"),
        "go": str(folder / "go"),
        "result": str(folder / f"{number}.result"),
    }


async def _create(address: str, wanted: Mapping[str, int]) -> None:
    async with kafka.admin(KafkaAccess(address), 30.0) as admin:
        await topics.create(admin, wanted, 30.0)


def _wait(children: list[Child], files: list[Path]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not all(file.exists() for file in files):
        for child, file in zip(children, files, strict=True):
            if not child.alive and not file.exists():
                raise child.died()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{files[0].name} did not come within {_SECONDS:.0f} s")
        time.sleep(0.02)


def _result(file: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(file.read_text())
    return result
