"""What a session's scenarios need, by their marks and fixtures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import pytest
from rig.cluster.programs import kubernetes_ready, node_ready
from rig.cluster.start import Say
from rig.images.build import images_ready

_WITH_IMAGES = {"deployment", "suite_images"}


def fixtures(item: pytest.Item) -> Sequence[str]:
    """The fixtures that a test has."""
    return item.fixturenames if isinstance(item, pytest.Function) else ()


def node(items: Iterable[pytest.Item]) -> bool:
    """Whether one of them needs pods to run."""
    return any(item.get_closest_marker("node") for item in items)


def images(items: Iterable[pytest.Item]) -> bool:
    """Whether one of them runs the suite's own images."""
    return any(_WITH_IMAGES & {*fixtures(item)} for item in items)


def build(items: Sequence[pytest.Item], say: Say) -> None:
    """Build what they need where the cache lacks it: minutes, which are nobody's time limit. Raises StackError."""
    if "KUBECONFIG" not in os.environ:
        kubernetes_ready(say)
        if node(items):
            node_ready(say)
    if images(items):
        images_ready(say)
