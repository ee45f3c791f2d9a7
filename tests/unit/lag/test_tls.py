"""The serving certificate and the authority of clients: what cannot be used never replaces what can."""

from __future__ import annotations

from pathlib import Path

import pytest
from headrace.contract.errors import SettingsError
from headrace_lag.tls import ServingTls
from rig.certificates import Authority


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"HEADRACE_LAG_TLS: cannot read .*tls\.crt"):
        ServingTls(tmp_path, Authority("clients").pem)


def test_a_certificate_and_a_key_that_are_no_pair_are_told(tmp_path: Path) -> None:
    authority = Authority("serving")
    authority.sign("lag", tmp_path)
    authority.sign("lag", tmp_path / "other").key.replace(tmp_path / "tls.key")
    with pytest.raises(SettingsError, match="are no pair"):
        ServingTls(tmp_path, authority.pem)


def test_an_authority_that_is_none_is_told(tmp_path: Path) -> None:
    Authority("serving").sign("lag", tmp_path)
    with pytest.raises(SettingsError, match="requestheader-client-ca-file is no certificate"):
        ServingTls(tmp_path, "hello")


def test_a_half_written_certificate_leaves_the_one_before_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a certificate in force
    authority = Authority("serving")
    authority.sign("lag", tmp_path)
    tls = ServingTls(tmp_path, authority.pem)
    # When half of another is there
    (tmp_path / "tls.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    tls.refresh(authority.pem)
    # Then that is logged, and nothing has changed
    assert "are no pair" in caplog.text
    assert "in force" not in caplog.text
