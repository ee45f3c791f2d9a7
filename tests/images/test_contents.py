"""What is in the images: as little as docs/images.md says, and named."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from headrace.local.child import Child
from headrace.local.places import PROJECT_ROOT
from rig import debian
from rig.images.catalog import Catalog
from rig.images.contents import configuration, files, manifest
from rig.images.recipes import JOBS, recipes, service_names

pytestmark = pytest.mark.timeout(900)  # the first of them may build the images
OURS = [*service_names(), JOBS]
TOOLS = {
    *("ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "sh", "zsh"),
    *("as", "c++", "cc", "clang", "g++", "gcc", "go", "ld", "make", "tcc"),
    *("apt", "apt-get", "curl", "dpkg", "perl", "pip", "pip3", "uv", "wget"),
}


def budgets() -> dict[str, tuple[float, int]]:
    """The table of docs/images.md: MB at most and layers at most, by image."""
    rows = re.findall(
        r"^\| ([a-z0-9-]+) \| (\d+) \| (\d+) \|", (PROJECT_ROOT / "docs/images.md").read_text(), re.MULTILINE
    )
    return {name: (float(size), int(layers)) for name, size, layers in rows}


def test_every_image_has_a_budget(images: Catalog) -> None:
    assert {image.name for image in images} == {recipe.name for recipe in recipes({})} <= budgets().keys()


@pytest.mark.parametrize("name", [recipe.name for recipe in recipes({})])
def test_an_image_keeps_to_its_budget(images: Catalog, name: str) -> None:
    most, layers = budgets()[name]
    assert images[name].size / 1e6 <= most
    assert len(images[name].layers) <= layers


def test_what_is_common_is_shared(images: Catalog) -> None:
    # The runtime and the common packages are the same two layers in every image of the suite
    lowest = {
        tuple(layer["digest"] for layer in manifest(images.archive, images[name].digest)["layers"][:2]) for name in OURS
    }
    assert len(lowest) == 1


@pytest.mark.parametrize("name", OURS)
def test_no_shell_no_compiler_no_package_manager(images: Catalog, name: str) -> None:
    entries = [
        entry
        for _, entry in files(images.archive, images[name].digest)
        if entry.issym() or (entry.isfile() and entry.mode & 0o111)
    ]
    assert [entry.name for entry in entries if entry.name.rpartition("/")[2] in TOOLS] == []


@pytest.mark.parametrize("name", OURS)
def test_nobody_but_root_owns_code_and_nothing_gives_rights(images: Catalog, name: str) -> None:
    # A process cannot change what it runs, and no file lifts it above what its pod allows
    for _, entry in files(images.archive, images[name].digest):
        assert (entry.uid, entry.mode & 0o6000) == (0, 0), entry.name
        assert entry.issym() or not entry.mode & 0o002 or entry.name.rstrip("/") == "tmp", entry.name


@pytest.mark.parametrize("name", OURS)
def test_how_an_image_starts(images: Catalog, name: str) -> None:
    told = configuration(images.archive, images[name].digest)["config"]
    assert told["User"] == "10001:10001"
    assert told["Entrypoint"] == ["/app/code/run.py"]
    assert told["WorkingDir"] == "/app"
    assert f"HEADRACE_SERVICE={name}" in told["Env"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in told["Labels"].items()}
    assert labels["title"] == f"headrace {name}"
    assert re.fullmatch(r"[0-9a-f]{40}", labels["revision"])
    assert re.match(r"\d{4}-\d\d-\d\dT", labels["created"])
    assert labels["source"].startswith("https://")
    assert labels["version"] == "0.1.0"


@pytest.mark.parametrize("name", OURS)
def test_the_bill_of_materials_is_valid_and_whole(images: Catalog, name: str) -> None:
    # Given the document that lies beside the archive, as the image carries it
    text = (images.archive.parent / "sbom" / f"{name}.cdx.json").read_text()
    # Then it is what the standard says
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    # And it names every pinned package in its version, the suite's own, and the Debian packages under it
    components = {each["purl"] for each in json.loads(text)["components"]}
    pins = (PROJECT_ROOT / "requirements" / "services" / f"{name}.txt").read_text()
    wanted = {
        f"pkg:pypi/{package}@{version}" for package, version in re.findall(r"^([a-z0-9-]+)==(\S+)", pins, re.MULTILINE)
    }
    own = {"pkg:pypi/headrace@0.1.0"} | ({f"pkg:pypi/headrace-{name}@0.1.0"} if name != JOBS else set())
    assert {link for link in components if link.startswith("pkg:pypi/")} == wanted | own
    systems = {link.partition("@")[0] for link in components if link.startswith("pkg:deb/")}
    assert {"pkg:deb/debian/libc6", "pkg:deb/debian/libssl3", "pkg:deb/debian/tzdata"} <= systems


def test_the_digests_are_those_that_a_node_sees(images: Catalog, tmp_path: Path) -> None:
    # Given a containerd with nothing in it
    root = debian.fetch(["docker.io", "containerd", "runc", "tini"], print)
    environment, socket = debian.environment(root), tmp_path / "c.sock"
    config = tmp_path / "config.toml"
    config.write_text(
        f'version = 2\nroot = "{tmp_path}/root"\nstate = "{tmp_path}/state"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{socket}"\n'
    )
    server = Child(
        "containerd",
        [str(root / "usr/bin/containerd"), "--config", str(config)],
        log=tmp_path / "log",
        environment=environment,
    )
    ctr = [str(root / "usr/bin/ctr"), "--address", str(socket), "--namespace", "k8s.io", "--connect-timeout", "30s"]
    server.start()
    try:
        # When the archive is imported, as a node of the project's cluster does
        _run([*ctr, "images", "import", "--no-unpack", str(images.archive)], environment)
        listed = _run([*ctr, "images", "list"], environment)
    finally:
        server.stop(20.0)
        server.kill()
    # Then every image is there under its name and its digest
    found = {line.split()[0]: line.split()[2] for line in listed.splitlines()[1:]}
    assert found == {image.reference: image.digest for image in images}


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
