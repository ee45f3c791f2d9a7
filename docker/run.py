#!/app/.venv/bin/python
"""Become the service that the image was built for (HEADRACE_SERVICE); the image has no shell that could say so."""

import os
import runpy
import signal
import sys

SERVICE = os.environ["HEADRACE_SERVICE"]
MODULE = "headrace.cli" if SERVICE == "headrace-cli" else f"headrace_{SERVICE.replace('-', '_')}"

# The first process of a container ignores signals that it has no handler for, and the imports take a second: a pod that
# is deleted meanwhile would wait for its kill. The service puts its own handler in this one's place.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
