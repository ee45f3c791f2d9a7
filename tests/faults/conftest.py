"""One stack for all fault tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from headrace.local.stack import Endpoints, Stack


@pytest.fixture(scope="session")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """A real Kafka and a real S3 server, for the whole session; what they say goes to the test's output."""
    with Stack(tmp_path_factory.mktemp("stack"), on_event=print) as stack:
        yield stack.endpoints
