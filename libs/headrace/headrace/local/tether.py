"""Become another program that dies with its parent; run as a script: `python tether.py PARENT_PID PROGRAM ARGUMENTS…`.

A small program of its own because code between fork and exec in a process with threads can deadlock.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL)) != 0:
        sys.exit(f"cannot tie {program[0]} to its parent: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it died before the line above could notice
        sys.exit(f"the parent of {program[0]} ended before it started")
    os.execv(program[0], program)  # noqa: S606  the whole point: no shell, the arguments as they are


if __name__ == "__main__":
    main()
