"""`python -m rig.scaling`: write docs/scaling.md."""

from __future__ import annotations

from pathlib import Path

from rig.scaling.page import page

if __name__ == "__main__":
    (Path(__file__).parents[3] / "docs/scaling.md").write_text(page(), encoding="utf-8")
