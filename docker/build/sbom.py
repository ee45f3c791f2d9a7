"""Print the bill of materials (CycloneDX 1.6) of an image: `sbom.py NAME STATUS_FOLDER`.

Python distributions are those that this interpreter finds, Debian packages those named in the status folder. The same
image gives the same document: no time and no random number is in it.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from email.parser import HeaderParser
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import quote

Component = dict[str, object]


def main(name: str, statuses: Path) -> None:
    """Print it."""
    found = sorted([*python(), *debian(statuses)], key=lambda component: str(component["bom-ref"]))
    version = next(str(each["version"]) for each in found if each["name"] == "headrace")
    content = json.dumps([name, found], sort_keys=True)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "component": {"type": "container", "bom-ref": f"headrace/{name}", "name": name, "version": version}
        },
        "components": found,
    }
    json.dump(document, sys.stdout, indent=1)


def python() -> Iterator[Component]:
    """Every installed distribution, the suite's own among them."""
    for found in distributions():
        name = str(found.metadata["Name"]).lower().replace("_", "-")
        component = _component("library", name, found.version, f"pkg:pypi/{quote(name)}@{quote(found.version)}")
        told = found.metadata
        licences = [{"expression": told["License-Expression"]}] if "License-Expression" in told else []
        yield {**component, "licenses": licences}


def debian(statuses: Path) -> Iterator[Component]:
    """Every Debian package that gave a file."""
    for path in sorted(statuses.iterdir()):
        told = HeaderParser().parsestr(path.read_text())
        name, version, architecture = told["Package"], told["Version"], told["Architecture"]
        link = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=bookworm"
        yield _component("library", name, version, link)


def _component(kind: str, name: str, version: str, link: str) -> Component:
    return {"type": kind, "bom-ref": link, "name": name, "version": version, "purl": link}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
