"""Who is believed, and who may: the front proxy's word, and the API server's."""

from __future__ import annotations

import asyncio

import pytest
from headrace.contract.errors import ClusterUnavailable
from headrace_lag.access import Attributes, Gate, User, attributes
from headrace_lag.front_proxy import FrontProxy, PeerCertificate, Unauthenticated, authenticate

PROXY = FrontProxy(
    authority="PEM",
    allowed=frozenset({"aggregator"}),
    user_headers=("X-Remote-User",),
    uid_headers=("X-Remote-Uid",),
    group_headers=("X-Remote-Group",),
    extra_prefixes=("X-Remote-Extra-",),
)
ALICE = [("x-remote-user", "alice")]


def certificate(*names: str) -> PeerCertificate:
    return {"subject": [[("organizationName", "aggregator")], *([("commonName", name)] for name in names)]}


def test_the_user_is_the_one_that_the_front_proxy_names() -> None:
    headers = [
        *ALICE,
        ("X-Remote-Group", "team"),
        ("X-REMOTE-GROUP", "more"),
        ("X-Remote-Uid", "7"),
        ("X-Remote-Extra-Acme.com%2Fproject", "some"),
        ("X-Remote-Extra-scopes", "a"),
        ("X-Remote-Extra-scopes", "b"),
        ("X-Remote-Users", "mallory"),
    ]
    assert authenticate(certificate("aggregator"), headers, PROXY) == User(
        "alice",
        ("team", "more", "system:authenticated"),
        "7",
        (("acme.com/project", ("some",)), ("scopes", ("a", "b"))),
    )


@pytest.mark.parametrize(
    "shown",
    [
        None,
        {},
        certificate(),
        certificate("kubelet"),
        certificate("aggregator", "kubelet"),
        certificate("Aggregator"),
    ],
)
def test_headers_count_for_nothing_without_the_certificate(shown: PeerCertificate | None) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(shown, ALICE, PROXY)


def test_no_allowed_names_allow_every_name_of_the_authority() -> None:
    anybody = FrontProxy("PEM", frozenset(), ("X-Remote-User",), (), (), ())
    assert authenticate(certificate("whoever"), ALICE, anybody).name == "alice"


@pytest.mark.parametrize("headers", [[], [("X-Remote-User", "")], [("X-Remote-Group", "system:masters")]])
def test_a_front_proxy_must_name_a_user(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(certificate("aggregator"), headers, PROXY)


def test_the_anonymous_user_is_not_authenticated() -> None:
    headers = [("X-Remote-User", "system:anonymous"), ("X-Remote-Group", "system:unauthenticated")]
    assert authenticate(certificate("aggregator"), headers, PROXY).groups == ("system:unauthenticated",)


def test_a_metric_is_a_list_of_a_resource_and_everything_else_a_path() -> None:
    path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/headrace-acme/headrace_lag_rows"
    wanted = Attributes("list", path, "external.metrics.k8s.io", "v1beta1", "headrace-acme", "headrace_lag_rows")
    assert attributes(path) == wanted
    for other in ("/apis", "/openapi/v2", path + "/more", "/apis/external.metrics.k8s.io/v1beta1"):
        assert attributes(other) == Attributes("get", other)


class Roles:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.away = False

    async def may(self, user: User, wanted: Attributes) -> bool:
        self.asked.append((user.name, wanted.path))
        if self.away:
            raise ClusterUnavailable("no answer")
        return user.name == "alice"


def test_an_answer_is_kept_for_a_moment_for_just_that_question() -> None:
    roles = Roles()
    gate = Gate(roles.may)

    async def ask(name: str, path: str, now: float) -> bool:
        return await gate.allows(User(name), attributes(path), now)

    assert asyncio.run(ask("alice", "/apis", 0.0)) is True
    assert asyncio.run(ask("alice", "/apis", 9.0)) is True
    assert asyncio.run(ask("mallory", "/apis", 9.0)) is False
    assert asyncio.run(ask("alice", "/openapi/v2", 9.0)) is True
    assert roles.asked == [("alice", "/apis"), ("mallory", "/apis"), ("alice", "/openapi/v2")]
    # And asked anew when it is old; without an answer nobody may
    roles.away = True
    with pytest.raises(ClusterUnavailable):
        asyncio.run(ask("alice", "/apis", 10.5))
