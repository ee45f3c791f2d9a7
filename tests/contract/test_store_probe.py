"""The start-up probe against a real server's manners: one that loses conditional writes must not get in."""

from __future__ import annotations

import pytest
from headrace.contract.errors import StoreRefused
from headrace.store.probe import probe_uploads_in_parts
from headrace.store.s3 import S3Settings, S3Store
from moto import mock_aws


@mock_aws
def test_moto_is_refused() -> None:
    """Given moto, which answers most races rightly and breaks down in some, the probe finds the one it loses."""
    store = S3Store(S3Settings("https://s3.us-east-1.amazonaws.com", "bucket", "someone", "hush"))
    store.once(lambda client: client.create_bucket(Bucket="bucket"), "make", "bucket", writes=True)

    with pytest.raises(StoreRefused, match="If-None-Match on multipart uploads"):
        _probe_twenty_times(store)


def _probe_twenty_times(store: S3Store) -> None:
    """On a busy machine one probe in ten sees no rivals meet; twenty in a row do."""
    for number in range(20):
        probe_uploads_in_parts(store, f"probe-{number}")
