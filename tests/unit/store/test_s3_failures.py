"""Given a store that fails in some manner, the caller learns exactly what may have happened."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from headrace.contract.errors import (
    NotFound,
    OutcomeUnknown,
    PreconditionFailed,
    StoreRefused,
    StoreUnavailable,
)
from headrace.store.s3 import S3Settings, S3Store
from rig.scripted_server import HANG_UP, ScriptedServer, scripted_server


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def pauses() -> list[float]:
    """How long the store wanted to wait, in seconds; nobody waits."""
    return []


@pytest.fixture
def connect(pauses: list[float]) -> Callable[[str], S3Store]:
    def to(url: str) -> S3Store:
        settings = S3Settings(url, "bucket", "someone", "hush", connect_timeout=1, read_timeout=1, attempts=3)
        return S3Store(settings, pause=pauses.append)

    return to


Connect = Callable[[str], S3Store]


def refusal(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


def test_a_conditional_write_is_sent_once_and_its_outcome_is_unknown_after_a_500(
    server: ScriptedServer, connect: Connect
) -> None:
    server.answers = [(500, refusal("InternalError"))]
    with pytest.raises(OutcomeUnknown, match=r"PUT \(If-None-Match\) k in bucket bucket"):
        connect(server.url).put("k", b"x", if_none_match=True)
    assert len(server.requests) == 1


def test_a_connection_lost_after_sending_leaves_the_outcome_unknown(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(HANG_UP, b"")]
    with pytest.raises(OutcomeUnknown):
        connect(server.url).put("k", b"x", if_match='"tag"')
    assert len(server.requests) == 1


def test_a_connection_refused_before_sending_wrote_nothing(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound but not listening: connecting is refused
        with pytest.raises(StoreUnavailable, match="could not connect"):
            connect(f"http://127.0.0.1:{free.getsockname()[1]}").put("k", b"x", if_none_match=True)


def test_a_server_that_never_answers_leaves_the_outcome_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = S3Settings(
            f"http://127.0.0.1:{silent.getsockname()[1]}", "bucket", "someone", "hush", read_timeout=0.1
        )
        with pytest.raises(OutcomeUnknown):
            S3Store(settings).put("k", b"x", if_none_match=True)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_bucket_and_never_the_secret(server: ScriptedServer, connect: Connect, status: int) -> None:
    server.answers = [(status, refusal("AccessDenied"))]
    with pytest.raises(StoreRefused, match="bucket bucket at http") as caught:
        connect(server.url).put("k", b"x")
    assert "hush" not in str(caught.value) + repr(connect(server.url).settings)
    assert "\n" not in str(caught.value)


def test_a_missing_bucket_is_a_refusal_but_a_missing_object_is_not(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(404, refusal("NoSuchBucket")), (404, refusal("NoSuchKey"))]
    store = connect(server.url)
    with pytest.raises(StoreRefused, match="make the bucket"):
        store.get("k")
    with pytest.raises(NotFound):
        store.get("k")


def test_lost_conditions(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(412, refusal("PreconditionFailed")), (404, refusal("NoSuchKey"))]
    store = connect(server.url)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"x", if_none_match=True)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"x", if_match='"tag"')


def test_a_conflict_that_aws_asks_to_repeat_wrote_nothing(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(409, refusal("ConditionalRequestConflict"))]
    with pytest.raises(StoreUnavailable):
        connect(server.url).put("k", b"x", if_none_match=True)


def test_a_read_is_repeated_with_doubling_pauses(server: ScriptedServer, connect: Connect, pauses: list[float]) -> None:
    server.answers = [(500, b""), (HANG_UP, b""), (200, b"body")]
    assert connect(server.url).get("k").body == b"body"
    assert pauses == [0.1, 0.2]


def test_a_read_gives_up_after_its_attempts(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(503, refusal("SlowDown"))]
    with pytest.raises(StoreUnavailable, match="503 SlowDown"):
        connect(server.url).get("k")
    assert len(server.requests) == 3


def test_an_unconditional_write_is_repeated(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(500, b""), (200, b"")]
    assert connect(server.url).put("k", b"x") == '"tag"'


def test_what_was_unknown_once_stays_unknown(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(500, b""), (409, refusal("OperationAborted"))]
    with pytest.raises(OutcomeUnknown, match="500"):
        connect(server.url).put("k", b"x")


def test_deleting_what_is_gone_is_no_error(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(404, refusal("NoSuchKey"))]
    connect(server.url).delete("k")


def test_two_conditions_at_once_are_a_mistake(connect: Connect) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        connect("http://127.0.0.1:1").put("k", b"x", if_none_match=True, if_match="t")


STS = b"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>GIVENBYSTS</AccessKeyId><SecretAccessKey>hush</SecretAccessKey>
<SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that AWS has given nothing."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("no_keys")
def test_without_keys_the_pods_web_identity_signs(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Given what EKS puts into a pod (IRSA), and a token service that takes the pod's token."""
    (tmp_path / "token").write_text("from the cluster")
    identity = {"ROLE_ARN": "arn:aws:iam::1:role/blue", "WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token")}
    for name, value in (identity | {"ENDPOINT_URL_STS": server.url}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    server.answers = [(200, STS)]
    store = S3Store(S3Settings("http://127.0.0.1:1", "bucket"))

    signed = store.once(
        lambda client: client.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k"}),
        "SIGN",
        "k",
        writes=False,
    )

    assert "AWSAccessKeyId=GIVENBYSTS" in signed or "X-Amz-Credential=GIVENBYSTS" in signed


@pytest.mark.usefixtures("no_keys")
def test_without_keys_and_without_an_identity_nothing_is_sent(server: ScriptedServer) -> None:
    with pytest.raises(StoreRefused, match=r"no credentials .*; set the access key and its secret, or give the pod"):
        S3Store(S3Settings(server.url, "bucket")).put("k", b"x", if_none_match=True)
    assert server.requests == []
