"""Kafka's jars: exactly those of `kafka.sha256`, from the local Maven repository or from Maven Central."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.contract.errors import StackError

PINS = Path(__file__).with_name("kafka.sha256")


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar: its Maven coordinate and the SHA-256 of its bytes (hex)."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name Maven gives the file."""
        return f"{self.artifact}-{self.version}.jar"


def pinned_jars(pins: Path = PINS) -> list[Jar]:
    """The jars of the pin file (`<sha256>  <group>:<artifact>:<version>` per line), in its order."""
    jars = []
    for line in pins.read_text().splitlines():
        digest, coordinate = line.split()
        group, artifact, version = coordinate.split(":")
        jars.append(Jar(group, artifact, version, digest))
    return jars


def jars_ready(cache: Path, say: Callable[[str], None], jars: Sequence[Jar] | None = None) -> list[Path]:
    """The paths of all pinned jars, in pin order, fetching those that are missing; every one is checked every time.

    Checking all 45 takes 0.05 s. Raises StackError naming the first jar whose bytes are not the pinned ones.
    """
    jars = pinned_jars() if jars is None else jars
    folder = cache / f"kafka-{_name_of(jars)}"
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in jars if not (folder / jar.file_name).exists()]
    if missing:
        say(f"Fetching Kafka: {len(missing)} jars from Maven Central (45 MB in all, once)")
        for done, jar in enumerate(missing, 1):
            _bring(jar, folder)
            if done % 10 == 0 or done == len(missing):
                say(f"Fetching Kafka: {done} of {len(missing)} jars")
    for jar in jars:
        _check(jar, folder / jar.file_name)
    return [folder / jar.file_name for jar in jars]


def _name_of(jars: Sequence[Jar]) -> str:
    """Names a set of pins: other pins never meet these jars, nor the class archive made from them."""
    return hashlib.sha256("".join(jar.sha256 for jar in jars).encode()).hexdigest()[:12]


def _bring(jar: Jar, folder: Path) -> None:
    """Put one checked jar into the folder, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="fetching-") as scratch:
        copy = Path(scratch) / jar.file_name
        local = _local_maven_copy(jar)
        if local is not None:
            shutil.copyfile(local, copy)
        else:
            shutil.move(_download(jar, Path(scratch) / "repository"), copy)
        _check(jar, copy)
        copy.replace(folder / jar.file_name)


def _local_maven_copy(jar: Jar) -> Path | None:
    """The jar in the user's own Maven repository, when it is there and whole."""
    folders = Path.home().joinpath(".m2", "repository", *jar.group.split("."), jar.artifact, jar.version)
    path = folders / jar.file_name
    return path if path.exists() and _sha256(path) == jar.sha256 else None


def _download(jar: Jar, repository: Path) -> Path:
    # Imported here: only a first start needs it, and it brings an HTTP client with it.
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    # A user's own mirror, named in jgo's settings file, is asked first.
    sources = {**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL}
    maven = MavenContext(repo_cache=repository, local_repos=[], remote_repos=sources)
    try:
        return Path(maven.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())
    except (OSError, RuntimeError) as error:  # requests' errors are OSErrors; jgo raises RuntimeError for "not found"
        raise StackError(
            f"cannot fetch {jar.file_name} from Maven Central: {error}; check the network and start again "
            "(what was fetched so far is kept)"
        ) from error


def _check(jar: Jar, path: Path) -> None:
    found = _sha256(path)
    if found != jar.sha256:
        raise StackError(
            f"{path} is not the pinned jar: its SHA-256 is {found} and {jar.sha256} was expected; "
            "delete it and start again"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
