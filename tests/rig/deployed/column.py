"""`python -m rig.deployed.column TABLE COLUMN all|null`: how many rows of a table there are, or have nothing there."""

from __future__ import annotations

import os
import sys

from rig.deployed.tables import rows


def main(table: str, column: str, what: str) -> None:
    """Count and print."""
    found = rows(table, ["_offset"] if what == "all" else [column])
    print(found.num_rows if what == "all" else found[column].null_count, flush=True)
    os._exit(0)  # rig.deployed.tables


main(*sys.argv[1:])
