"""One stack for all contract tests; each test has topics and objects of its own in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

import pytest
from headrace.local.stack import Stack
from headrace.store.s3 import S3Store

_numbers = count(1)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A real Kafka and a real S3 server; tests must leave both running, and what was fetched before is used again."""
    with Stack(tmp_path_factory.mktemp("stack"), on_event=print) as stack:
        yield stack


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """What this test's topics and keys begin with; nobody else's do."""
    return f"{re.sub('[^a-z0-9]+', '-', request.node.name.lower())[:60]}-{next(_numbers)}"


@pytest.fixture
def s3(stack: Stack) -> S3Store:
    """The stack's bucket."""
    return S3Store(stack.endpoints.store)
