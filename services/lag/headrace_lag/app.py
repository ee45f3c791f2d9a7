"""The lag service's entry."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import NoReturn

from headrace.contract.errors import UserError
from headrace.runtime.exits import Exit, exit_of
from headrace.runtime.logs import log_to_stdout
from headrace.runtime.settings import read_settings

from headrace_lag.service import serve
from headrace_lag.settings import LagSettings, ScalingSettings

NAME = "lag"


def main() -> NoReturn:
    """Run until told to stop; ends the process with an `Exit`."""
    try:
        settings, scaling = read_settings(LagSettings), read_settings(ScalingSettings)
    except UserError as error:
        print(f"headrace {NAME}: {error}", file=sys.stderr)  # noqa: T201  before there is a log
        sys.exit(Exit.USER)
    log_to_stdout(NAME, settings.instance, settings.log_level)
    try:
        asyncio.run(serve(settings, scaling))
    except Exception as error:
        status = exit_of(error)
        trace = error if status is Exit.FAULT else None
        logging.getLogger(__name__).critical("%s: %s", status.name, error, exc_info=trace)
        sys.exit(status)
    sys.exit(Exit.DONE)
