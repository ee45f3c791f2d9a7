"""`make planted`: plant every bug, say which were caught, and write it to `faults/planted.json` in the state folder."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from headrace.local.places import state_folder

from rig.faults.kept import ran
from rig.planted.bugs import BUGS
from rig.planted.plant import copy_code, plant


def main() -> None:
    """Ends with 0 when each was caught by the invariant named for it."""
    file = state_folder() / "faults" / "planted.json"
    with tempfile.TemporaryDirectory(prefix="headrace-planted-") as folder:
        copy_code(Path(folder))
        catches = []
        for bug in BUGS:
            catches.append(plant(bug, Path(folder)))
            print(catches[-1], flush=True)
    caught = sum(each.caught for each in catches)
    file.parent.mkdir(parents=True, exist_ok=True)
    bugs = {each.bug.name: [each.bug.invariant, sorted(each.found)] for each in catches}
    report = {"ran": [ran()], "caught": caught, "total": len(BUGS), "bugs": bugs}
    file.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"{caught} of {len(BUGS)} caught")
    sys.exit(caught != len(BUGS))


if __name__ == "__main__":
    main()
