"""Becoming a service: its own main, in a process whose functions are wrapped."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from rig.failpoints.board import Board
from rig.failpoints.events import Events
from rig.failpoints.observe import Observer
from rig.failpoints.wrap import Trip, install

FOLDER = "RIG_FOLDER"  # of boards and events
POINT = "RIG_FAILPOINT"
CLOCK = "RIG_CLOCK_OFFSET"  # seconds by which this process's clock is wrong


def module_of(service: str) -> str:
    """The module whose `main` is the service."""
    return f"headrace_{service}.app"


def become(service: str, environment: Mapping[str, str]) -> NoReturn:
    """Run the service; `environment` is what its process was told."""
    app = importlib.import_module(module_of(service))
    folder, instance = Path(environment.get(FOLDER, ".")), environment["HEADRACE_INSTANCE"]
    board, events = Board(folder / f"{instance}.board"), Events(folder / f"{instance}.events")
    board.turns = 0
    if environment.get(POINT):
        board.arm(environment[POINT])
    if environment.get(CLOCK):
        set_clock_wrong(float(environment[CLOCK]))
    install(service, Trip(board, events))
    Observer(board, events).install(service)
    events.tell("began")
    app.main()
    raise SystemExit("a service's main does not return")


def set_clock_wrong(seconds: float) -> None:
    """Shift what Python code calls the time. Code in C and `datetime` keep the right time; libfaketime would not."""
    right = time.time

    def wrong() -> float:
        return right() + seconds

    time.time = wrong
    delta_log = importlib.import_module("headrace.lake.delta_log")
    delta_log.DeltaLog.__init__.__kwdefaults__["clock"] = wrong  # bound when the class was made
