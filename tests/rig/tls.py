"""What tests on TLS connections have to put up with."""

from __future__ import annotations

import pytest

# asyncio ends a TLS connection politely: it waits for the peer's last word, which may come after the loop of a command
# that has done its work. The transport is then found open when it is collected. The process would have ended by then.
# Both filters are of what is said first: where that is raised instead, the transport cannot close its socket, and that
# is found open later, in a test or at an end that has no such mark. `collected` (tests/conftest.py) is for the same.
MAY_OUTLIVE_ITS_LOOP = [
    pytest.mark.filterwarnings("ignore:unclosed transport <_SelectorSocketTransport:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
    pytest.mark.usefixtures("collected"),
]
