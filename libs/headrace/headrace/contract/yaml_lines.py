"""YAML as plain data with the line of every part of it.

Only what the core schema of YAML 1.2 has: in YAML 1.1 the key `on` would be a boolean and `12:30` a number.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from headrace.contract.errors import Problem
from headrace.contract.mistake import Path, dotted

_PARTS = 50_000  # parts of a document with its aliases written out; the largest sensible file has a few thousand
_CHARACTERS = 1_000_000


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  so declared by its base


_SCALARS: dict[str, tuple[re.Pattern[str], list[str], Callable[[str], Any]]] = {
    "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"), lambda text: text.lower() == "true"),
    "null": (re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""], lambda _: None),
    "int": (re.compile(r"[-+]?[0-9]+"), list("-+0123456789"), int),
    "float": (
        re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"),
        list("-+.0123456789"),
        float,
    ),
    "str": (re.compile(r"[^\ud800-\udfff]*", re.DOTALL), [], str),  # an escape can make half a character
}
"""How a scalar of each tag looks, the characters that it can begin with when it has no tag, and what it stands for."""
_TAG = "tag:yaml.org,2002:"

for _name, (_form, _first, _) in _SCALARS.items():
    if _first:
        _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_form.pattern})$"), _first)


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
    breaks = [place for place, character in enumerate(text) if character == "\n"]

    def line_of(mark: yaml.Mark) -> int:
        return bisect_left(breaks, mark.index) + 1  # the mark's own count takes more characters for line breaks

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
        document.data = None if node is None else _Reader(document, line_of).read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = "" if mark is None else f", column {mark.column + 1}"
        message = f"not YAML: {error.problem or error.context}{place}"
        document.problems.append(Problem(1 if mark is None else line_of(mark), "file", message))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        document.problems.append(Problem(1, "file", f"not YAML: {str(error).splitlines()[0]}"))
    finally:
        loader.dispose()
    return document


class _Reader:
    def __init__(self, document: Document, line_of: Callable[[yaml.Mark], int]) -> None:
        self._line_of = line_of
        self._document = document
        self._parts = 0

    def read(self, node: yaml.Node, path: Path) -> Any:  # Any: whatever YAML can hold
        self._parts += 1
        if self._parts > _PARTS:
            raise ValueError(f"more than {_PARTS} parts once its aliases are written out")
        self._document.lines.setdefault(path, self._line_of(node.start_mark))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, place)) for place, item in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> Any:
        form, _, read = _SCALARS.get(node.tag.removeprefix(_TAG), (None, None, None))
        if form is None or read is None:
            raise yaml.MarkedYAMLError(problem=f"no pipeline file has the tag {node.tag}", problem_mark=node.start_mark)
        if form.fullmatch(node.value) is None:
            problem = f"{node.value!a} is no {node.tag.removeprefix(_TAG)}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return read(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = self._line_of(key_node.start_mark)
            is_scalar = isinstance(key_node, yaml.ScalarNode)
            key = self._scalar(key_node) if is_scalar else None
            if not isinstance(key, str):
                found = repr(key_node.value) if is_scalar else "a list or a mapping"
                problem = Problem(
                    line, dotted(path) or "file", f"a key must be text, and {found} is not", "put it in quotes"
                )
                self._document.problems.append(problem)
                continue
            if key in read:
                name = dotted((*path, key))
                first = self._document.lines[(*path, key)]
                self._document.problems.append(Problem(line, name, f"stands here again, first in line {first}"))
                continue
            self._document.lines[(*path, key)] = line
            read[key] = self.read(value_node, (*path, key))
        return read


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes what the loader above would take for something else than text."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers

    def ignore_aliases(self, data: Any) -> bool:
        """Write every part out: a reader need not know YAML's anchors."""
        return True


def write_yaml(data: Any) -> str:
    """Return plain data as text that `read_yaml` reads back as it was; the order of keys is kept."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
