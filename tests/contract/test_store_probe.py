"""The start-up probe against real servers' manners: one that loses conditional writes must not get in."""

from __future__ import annotations

import pytest
from headrace.contract.errors import StoreRefused
from headrace.store.probe import probe
from headrace.store.s3 import S3Settings, S3Store
from moto import mock_aws


@mock_aws
def test_moto_is_refused() -> None:
    """Given moto, which answers races rightly most of the time, the probe finds the race that it loses every time."""
    store = S3Store(S3Settings("https://s3.us-east-1.amazonaws.com", "bucket", "someone", "hush"))
    store.once(lambda client: client.create_bucket(Bucket="bucket"), "make", "bucket", writes=True)

    with pytest.raises(StoreRefused, match="conditional writes are atomic"):
        probe(store)
