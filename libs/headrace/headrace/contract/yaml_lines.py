"""YAML as plain data with the line of every part of it.

Only what the core schema of YAML 1.2 has: in YAML 1.1 the key `on` would be a boolean and `12:30` a number.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml

from headrace.contract.errors import Problem

Path = tuple[str | int, ...]

_PARTS = 50_000  # parts of a document with its aliases written out; the largest sensible file has a few thousand
_CHARACTERS = 1_000_000


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  so declared by its base


for _tag, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_form})$"), list(_first))


@dataclass
class Document:
    """Plain data, the line of every key and item, and what was wrong with the text itself."""

    data: Any  # whatever YAML can hold
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of a part, or of the nearest part around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(text: str) -> Document:
    """Read one YAML document; everything wrong with it is in `problems`, and then `data` may be None."""
    document = Document(None)
    if len(text) > _CHARACTERS:
        document.problems.append(Problem(0, "file", f"{len(text)} characters, at most {_CHARACTERS} are read"))
        return document
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append(Problem(line, "file", f"not YAML: the character U+{error.character:04X} is in it"))
        return document
    try:
        node = loader.get_single_node()
        document.data = None if node is None else _Reader(loader, document).read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = "" if mark is None else f", column {mark.column + 1}"
        message = f"not YAML: {error.problem or error.context}{place}"
        document.problems.append(Problem(1 if mark is None else mark.line + 1, "file", message))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        document.problems.append(Problem(1, "file", f"not YAML: {str(error).splitlines()[0]}"))
    finally:
        loader.dispose()
    return document


class _Reader:
    def __init__(self, loader: _Loader, document: Document) -> None:
        self._loader = loader
        self._document = document
        self._parts = 0

    def read(self, node: yaml.Node, path: Path) -> Any:  # Any: whatever YAML can hold
        self._parts += 1
        if self._parts > _PARTS:
            raise ValueError(f"more than {_PARTS} parts once its aliases are written out")
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, place)) for place, item in enumerate(node.value)]
        return self._loader.construct_object(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._loader.construct_object(key_node, deep=True) if _is_scalar(key_node) else None
            if not isinstance(key, Hashable) or not isinstance(key, str):
                where = ".".join(map(str, path)) or "file"
                found = key_node.value if _is_scalar(key_node) else "a list or a mapping"
                problem = Problem(line, where, f"a key must be text, and {found} is not", "put it in quotes")
                self._document.problems.append(problem)
                continue
            if key in read:
                name = ".".join(map(str, (*path, key)))
                first = self._document.lines[(*path, key)]
                self._document.problems.append(Problem(line, name, f"stands here again, first in line {first}"))
                continue
            self._document.lines[(*path, key)] = line
            read[key] = self.read(value_node, (*path, key))
        return read


def _is_scalar(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)
