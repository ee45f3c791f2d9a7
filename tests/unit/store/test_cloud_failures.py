"""Given Azure or Google fail in some manner, the caller learns exactly what may have happened."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from headrace.contract.errors import NotFound, OutcomeUnknown, PreconditionFailed, StoreRefused, StoreUnavailable
from headrace.store.cloud import AzureSettings, CloudStore, GcsSettings, azure_store, gcs_store
from headrace.store.object_store import expect_answer
from rig.scripted_server import HANG_UP, ScriptedServer, scripted_server

Connect = Callable[[str], CloudStore]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def pauses() -> list[float]:
    """How long the store wanted to wait, in seconds; nobody waits."""
    return []


@pytest.fixture(params=["azure", "google"])
def connect(request: pytest.FixtureRequest, pauses: list[float]) -> Connect:
    def to(url: str) -> CloudStore:
        if request.param == "azure":
            return azure_store(AzureSettings("acme", "lake", url, "aHVzaA=="), pause=pauses.append)
        return gcs_store(GcsSettings("lake", url), pause=pauses.append)

    return to


def said(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


@pytest.mark.parametrize("answer", [(500, said("InternalError")), (503, said("ServerBusy")), (HANG_UP, b"")])
def test_a_conditional_write_is_sent_once_and_its_outcome_is_unknown(
    server: ScriptedServer, connect: Connect, answer: tuple[int, bytes]
) -> None:
    server.answers = [answer]
    with pytest.raises(OutcomeUnknown, match=r"PUT \(If-None-Match\) k in .* lake at http"):
        connect(server.url).put("k", b"x", if_none_match=True)
    assert len(server.requests) == 1


def test_a_connection_refused_before_sending_wrote_nothing(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound but not listening: connecting is refused
        with pytest.raises(StoreUnavailable, match="could not connect"):
            connect(f"http://127.0.0.1:{free.getsockname()[1]}").put("k", b"x", if_match="1")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_one_line_without_the_key(server: ScriptedServer, connect: Connect, status: int) -> None:
    server.answers = [(status, said("AuthorizationFailure"))]
    store = connect(server.url)
    for call in (lambda: store.put("k", b"x"), lambda: expect_answer(store, "k/")):
        with pytest.raises(StoreRefused, match="check the identity or the key") as caught:
            call()
        assert "\n" not in str(caught.value)
        assert "aHVzaA" not in str(caught.value)


def test_lost_conditions(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(412, said("ConditionNotMet")), (404, said("BlobNotFound"))]
    store = connect(server.url)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"x", if_none_match=True)
    with pytest.raises(PreconditionFailed):
        store.put("k", b"x", if_match="1")


def test_a_missing_object_is_no_refusal(server: ScriptedServer, connect: Connect) -> None:
    server.answers = [(404, said("NoSuchKey"))]
    with pytest.raises(NotFound):
        connect(server.url).get("k")


def test_reads_and_listings_are_repeated_with_doubling_pauses(
    server: ScriptedServer, connect: Connect, pauses: list[float]
) -> None:
    server.answers = [(503, said("ServerBusy"))]
    with pytest.raises(StoreUnavailable, match="503 ServerBusy"):
        connect(server.url).get("k")
    with pytest.raises(StoreUnavailable, match="503 ServerBusy"):
        expect_answer(connect(server.url), "k/")
    assert len(server.requests) == 10
    assert pauses == [0.1, 0.2, 0.4, 0.8] * 2


def test_an_unconditional_write_is_repeated_and_what_was_unknown_once_stays_unknown(
    server: ScriptedServer, connect: Connect
) -> None:
    server.answers = [(500, said("InternalError")), (429, said("TooManyRequests"))]
    with pytest.raises(OutcomeUnknown, match="500"):
        connect(server.url).put("k", b"x")
    assert len(server.requests) == 5


def test_two_conditions_at_once_are_a_mistake(connect: Connect) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        connect("http://127.0.0.1:1").put("k", b"x", if_none_match=True, if_match="t")
