"""`python -m headrace_flights.demo`: however it ends, one clear message says so, and nothing of it runs any more."""

from __future__ import annotations

import os
import sys
import threading

from headrace.local.endings import as_ctrl_c


def main() -> None:
    """Run it; QUICK=1 takes two months. Ends with an `Exit` status, or 130 when somebody stopped it."""
    try:
        with as_ctrl_c() as told:
            _run(told)
    except KeyboardInterrupt:
        _say("Stopped. Nothing runs any more; `make demo` starts afresh.")
        sys.exit(130)


def _run(told: threading.Event) -> None:
    # Imported here: it takes seconds, in which Ctrl-C is pressed as well.
    from headrace.contract.errors import HeadraceError
    from headrace.runtime.exits import Exit, exit_of

    from headrace_flights.demo.phases import FULL, QUICK
    from headrace_flights.demo.run import run

    try:
        run(QUICK if os.environ.get("QUICK") == "1" else FULL, told)
    except HeadraceError as error:
        _say(f"The demo ended: {error}")
        sys.exit(exit_of(error))
    except OSError as error:  # the disk is full, a folder is not ours
        _say(f"The demo ended: {error}; mend that and start again")
        sys.exit(Exit.USER)


def _say(message: str) -> None:
    try:
        print(message, file=sys.stderr, flush=True)
    except OSError:  # the terminal is closed: nobody listens, and the status says it
        sys.stderr = None


main()
