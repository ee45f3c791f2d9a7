"""`python -m headrace_reload FOLDER… -- PROGRAM ARGUMENT…`."""

import asyncio
import sys
from pathlib import Path

from headrace_reload.supervisor import DRAIN_SECONDS, supervise


def main() -> None:
    """Run until told to stop; ends with the program's exit status."""
    words = sys.argv[1:]
    if "--" not in words or words[0] == "--" or words[-1] == "--":
        sys.exit("headrace_reload: say which folders and which program: FOLDER… -- PROGRAM ARGUMENT…")
    cut = words.index("--")
    folders = [Path(word) for word in words[:cut]]
    if missing := [str(folder) for folder in folders if not folder.is_dir()]:
        sys.exit(f"headrace_reload: no such folder: {', '.join(missing)}")
    sys.exit(asyncio.run(supervise(folders, words[cut + 1 :], drain_seconds=DRAIN_SECONDS)))


main()
