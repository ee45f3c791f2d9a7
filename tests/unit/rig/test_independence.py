"""The oracle and the judge share no code with the suite."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
PACKAGES = ("oracle", "judgement")
OWN = tuple(f"rig.{package}" for package in PACKAGES)

_BLOCKED = """
import importlib, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith("headrace"):
            raise ImportError(f"{name} is the suite's")

sys.meta_path.insert(0, Blocked())
package = importlib.import_module(sys.argv[1])
for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
assert not [name for name in sys.modules if name.startswith("headrace")]
"""


def imported(file: Path) -> set[str]:
    """Every module that a file names in an import, wherever it stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name}: a relative import hides where it goes"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_imports_the_suite_or_what_does(package: str) -> None:
    files = sorted((TESTS / "rig" / package).rglob("*.py"))
    assert files
    for file in files:
        for name in imported(file):
            assert not name.startswith("headrace"), f"{file.name} imports {name}"
            assert not name.startswith("rig") or name.startswith(OWN), f"{file.name} imports {name}"


@pytest.mark.parametrize("package", OWN)
def test_it_works_where_there_is_no_suite(package: str) -> None:
    program = [sys.executable, "-c", _BLOCKED, package]
    done = subprocess.run(program, env={"PYTHONPATH": str(TESTS)}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
