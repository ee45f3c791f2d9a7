"""The images as they are built from this tree, and a Docker that has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from headrace.local.stack import Endpoints, Stack
from rig.images.build import build, engine, images_ready, labels
from rig.images.catalog import Catalog
from rig.images.engine import Engine
from rig.images.recipes import recipes


@pytest.fixture(scope="session")
def images() -> Catalog:
    """What `make images` makes."""
    return images_ready(print)


@pytest.fixture(scope="session")
def docker(images: Catalog) -> Iterator[Engine]:
    """A private Docker with those very images."""
    with engine(print) as running:
        for recipe in recipes(labels()):
            if running.image_id(recipe.reference) != images[recipe.name].config:
                build(running, recipe, print)
        yield running


@pytest.fixture(scope="session")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """A real Kafka and a real S3 server."""
    with Stack(tmp_path_factory.mktemp("stack"), on_event=print) as stack:
        yield stack.endpoints
