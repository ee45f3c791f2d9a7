"""Each service alone: it works off what the one before it has left in Kafka, with nobody beside it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from measure import Meter, Work
from told import bytes_taken, rows_done, rows_to, wait_until

from w1.hot_spots import Sampler
from w1.place import Backlog, Place, outputs


def run_alone(place: Place, backlog: Backlog, py_spy: str | None, profiles: Path) -> list[Work]:
    """One service after the other, in the order of the rows' path; with `py_spy` each is profiled meanwhile."""
    works = []
    waiting = backlog.records
    for name, topic in outputs(place.plan).items():
        work, waiting = _work_off(place, name, waiting, topic, Sampler(py_spy, profiles / f"{name}.txt"))
        works.append(work)
    work, _ = _work_off(place, "lake", backlog.records, "", Sampler(py_spy, profiles / "lake.txt"))
    return [*works, work]


def _work_off(place: Place, name: str, waiting: int, topic: str, sampler: Sampler) -> tuple[Work, int]:
    """Measure one service from its first step until `waiting` rows have left it; also returns the rows it sent on."""
    print(f"  {name} alone: {waiting:,} rows wait", flush=True)
    service = place.service(name)
    with ExitStack() as open_:
        open_.callback(service.kill)
        service.start()
        service.wait_ready()
        pids = {
            name: service.child.pid,
            "kafka": place.stack.kafka.child.pid,
            "s3": place.stack.s3.child.pid,
        }
        wait_until(lambda: bytes_taken(service) > 0, "a first step", [service])  # the first one of a process is slow
        already, taken = rows_done(service), bytes_taken(service)
        meter = Meter(pids)
        with sampler.sampling(service.child.pid):
            wait_until(lambda: rows_done(service) >= waiting, f"{waiting:,} rows", [service])
            work = meter.read(name, waiting - already, bytes_taken(service) - taken)
        sent = rows_to(service, topic)
        status = service.stop()
        assert status == 0, f"{name} ended with {status}"
    return work, sent
