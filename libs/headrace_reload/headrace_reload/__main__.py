"""`python -m headrace_reload --help`."""

import argparse
import asyncio
import sys
from pathlib import Path

from headrace_reload.supervisor import DRAIN_SECONDS, supervise


def main() -> None:
    """Run until told to stop; ends with the program's exit status."""
    parser = argparse.ArgumentParser(
        "headrace_reload",
        usage="%(prog)s [--import PACKAGE]... FOLDER... -- SCRIPT | -m MODULE",
        description="Run a Python program; drain it and start it again whenever its sources change.",
    )
    parser.add_argument("--import", dest="imports", action="append", default=[], help="what the next start has ready")
    parser.add_argument("folders", nargs="+", type=Path, help="where its sources are")
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    told, program = parser.parse_args(sys.argv[1:cut]), sys.argv[cut + 1 :]
    if not program or program == ["-m"]:
        parser.error("say which program: -- SCRIPT, or -- -m MODULE")
    if missing := [str(folder) for folder in told.folders if not folder.is_dir()]:
        parser.error(f"no such folder: {', '.join(missing)}")
    sys.exit(asyncio.run(supervise(told.folders, program, told.imports, drain_seconds=DRAIN_SECONDS)))


main()
