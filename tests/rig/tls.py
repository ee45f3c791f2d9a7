"""What tests on TLS connections have to put up with."""

from __future__ import annotations

import pytest

_WARNING = "pytest.PytestUnraisableExceptionWarning"

# asyncio ends a TLS connection politely: it waits for the peer's last word, which may come after the loop of a command
# that has done its work. The transport is then found open when it is collected. The process would have ended by then.
MAY_OUTLIVE_ITS_LOOP = [
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <function _SelectorTransport.__del__:{_WARNING}"),
    pytest.mark.filterwarnings(f"ignore:Exception ignored in. <socket.socket fd=:{_WARNING}"),
]
