"""`python -m headrace_reload.spare PACKAGES SCRIPT | PACKAGES -m MODULE`: become it at a word, imports already done.

A start of a service is mostly the import of packages that no edit changes. A spare has imported them and waits; none
of the suite's own code is in it, so it is never stale.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import runpy
import select
import sys

# Read when polars is imported, as in the services' __main__.py.
os.environ.setdefault("POLARS_MAX_THREADS", "1")


_LEAVE_SECONDS = 5.0  # the program that has just been started imports too, and is the one that is waited for


def main(packages: str, program: list[str]) -> None:
    """Import what is installed of the packages (a,b,…), wait for the word on standard input, become the program."""
    asked, _, _ = select.select([sys.stdin], [], [], _LEAVE_SECONDS)
    for package in filter(None, packages.split(",") if not asked else ()):
        if importlib.util.find_spec(package.partition(".")[0]) is not None:
            importlib.import_module(package)
    if not asked:
        print("headrace_reload: the next start is ready", flush=True)  # noqa: T201  a development tool tells its person
    if not sys.stdin.buffer.readline():
        return  # whoever could have given the word is gone
    if program[0] == "-m":
        sys.argv = program[1:]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
