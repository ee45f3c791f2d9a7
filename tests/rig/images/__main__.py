"""`python -m rig.images`: build every image that is not built yet, and show what there is."""

from __future__ import annotations

import sys

from headrace.contract.errors import StackError

from rig.images.build import images_ready
from rig.images.table import table


def main() -> None:
    """Build and show; ends with the reason when that fails."""
    try:
        built = images_ready(print)
    except StackError as error:
        sys.exit(f"images: {error}")
    print(table(built))
    print(built.archive)


main()
