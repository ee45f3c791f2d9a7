"""What a state folder remembers about its stack: addresses and keys stay the same over restarts."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headrace.contract.errors import StackError
from headrace.local import ports

MEMORY = "stack.json"  # the file in the state folder


@dataclass(frozen=True, slots=True)
class Memory:
    """Ports by name, and the S3 server's keys."""

    ports: dict[str, int]
    access_key: str = field(default_factory=lambda: f"headrace{secrets.token_hex(4)}")
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)


def recall(folder: Path, names: list[str], say: Callable[[str], None]) -> Memory:
    """The folder's memory with a free port for every name: the remembered one, or another (said) when it is taken."""
    path = folder / MEMORY
    memory = remembered(folder) or Memory({})
    chosen = dict(memory.ports)
    for name in names:
        known = chosen.get(name)
        if known is not None and ports.is_free(known):
            continue
        chosen[name] = ports.choose(chosen.values())
        if known is not None:
            say(f"Port {known} of {name} is taken by another program; using {chosen[name]}")
    memory = Memory(chosen, memory.access_key, memory.secret_key)
    _write(path, memory)
    return memory


def remembered(folder: Path) -> Memory | None:
    """The folder's memory as it is; None when no stack was ever started there. Raises StackError when it is damaged."""
    path = folder / MEMORY
    return _read(path) if path.exists() else None


def _read(path: Path) -> Memory:
    try:
        return Memory(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise StackError(
            f"{path} is damaged ({error}); `headrace local down --delete-data` forgets it, and the data with it"
        ) from error


def _write(path: Path, memory: Memory) -> None:
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it holds a secret
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(memory), file, indent=1)
    scratch.replace(path)
