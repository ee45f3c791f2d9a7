"""Two tenants on one Kafka and one bucket: each does all it needs with its own, and nothing with the other's.

The users and their rules are made by the commands that an administrator has; a cell of a matrix is one attempt.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from importlib import resources
from pathlib import Path

import pytest
from headrace.cli.app import app
from headrace.contract.access import STAGES
from headrace.contract.errors import NotFound, StoreRefused
from headrace.lake.delta_log import DeltaLog
from headrace.local.service import Service
from headrace.local.stack import Stack
from headrace.runtime.exits import Exit
from headrace.runtime.kafka_access import KafkaAccess
from headrace.store.s3 import S3Settings, S3Store
from rig.certificates import Authority
from rig.endings import SECRET, ends
from rig.s3_users import S3User, s3_users
from rig.secure_kafka import SecureKafka, environment_of, secure_kafka
from rig.tenants import OWN, TRIES, make_topics, outcome, produce
from rig.tls import MAY_OUTLIVE_ITS_LOOP
from typer.testing import CliRunner, Result

pytestmark = MAY_OUTLIVE_ITS_LOOP

TENANTS = ("blue", "green")
OTHERS = {"blue": ("green", "bluebird"), "green": ("blue", "greenhouse")}
"""The other tenant, and a neighbour whose name only begins alike."""
CELLS = [(tenant, whose) for tenant in TENANTS for whose in (tenant, *OTHERS[tenant])]
PLACES = {"lake": "lake/{}/p/", "models": "models/{}/m/", "topics": "topics/{}/p/"} | {
    stage: f"snapshots/{stage}/{{}}.p.rows/" for stage in STAGES
}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """A Kafka with the tenants' users; `reader` may only read blue's topics, `loner` join none of its groups."""
    users = (*TENANTS, "lag", "reader", "loner")
    with secure_kafka(tmp_path_factory.mktemp("secure"), {name: f"{name}-{SECRET}" for name in users}) as kafka:
        make_topics(kafka.admin, [*TENANTS, *(each for others in OTHERS.values() for each in others)])
        for tenant in TENANTS:
            done = headrace(kafka.admin, "tenant", "grant", tenant, f"User:{tenant}")
            assert done.stdout == f"User:{tenant} has the 5 access rules of {tenant}\n", done.stderr
        kafka.grant_some("reader", "blue", {"read"})
        kafka.grant_some("loner", "blue", {"read", "write"}, groups=False)
        yield kafka


@pytest.fixture(scope="module")
def users(stack: Stack) -> Iterator[Mapping[str, S3Settings]]:
    """The tenants' users at the S3 server, under the policies that the command prints."""
    asked = [["tenant", "policy", name, "--bucket", "headrace", "--principal", name] for name in TENANTS]
    policies = [json.loads(CliRunner().invoke(app, command).stdout) for command in asked]
    with s3_users(stack, [S3User(name, f"{name}-{SECRET}") for name in TENANTS], policies) as made:
        yield made


def headrace(access: KafkaAccess, *command: str) -> Result:
    """A command that is told where Kafka is, and who it is there, by its environment."""
    return CliRunner(env=environment_of(access)).invoke(app, list(command))


# Kafka


@pytest.mark.parametrize("way", ["password", "certificate"])
@pytest.mark.parametrize("act", TRIES)
@pytest.mark.parametrize(("tenant", "whose"), CELLS)
def test_a_cell_of_kafka(secure: SecureKafka, tenant: str, whose: str, act: str, way: str) -> None:
    access = secure.user(tenant) if way == "password" else secure.holder(tenant)

    refused = outcome(TRIES[act], access, tenant, whose)

    if whose == tenant and OWN[act]:
        assert refused is None
    else:
        assert refused is not None
        assert f"{whose}.matrix." in refused  # it says of what
        assert "not allowed" in refused


@pytest.mark.parametrize("act", TRIES)
def test_an_onlooker_only_looks(secure: SecureKafka, act: str) -> None:
    """Given the lag service's user, which has its rules from the command."""
    done = headrace(secure.admin, "tenant", "grant", "blue", "User:lag", "--onlooker")
    assert done.stdout == "User:lag has the 2 access rules of an onlooker of blue\n", done.stderr

    refused = outcome(TRIES[act], secure.user("lag"), "blue", "blue")

    assert (refused is None) == (act in {"read", "describe", "list_offsets"}), refused


def test_a_tenant_cannot_grant(secure: SecureKafka) -> None:
    done = headrace(secure.user("blue"), "tenant", "grant", "green", "User:blue")
    assert done.exit_code == Exit.REFUSED
    assert "this principal may not; it needs ALTER on the cluster" in done.stderr


def test_granted_twice_is_granted_once(secure: SecureKafka) -> None:
    for _ in range(2):
        assert headrace(secure.admin, "tenant", "grant", "blue", "User:blue").exit_code == 0


def test_a_kafka_without_rules_is_told(stack: Stack) -> None:
    done = headrace(stack.endpoints.broker, "tenant", "grant", "blue", "User:blue")
    assert done.exit_code == Exit.USER
    assert "this Kafka has no authorizer, so everybody may do everything" in done.stderr


# The object store


@pytest.mark.parametrize("verb", ["get", "put", "list", "delete"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("tenant", "whose"), CELLS)
def test_a_cell_of_the_store(
    s3: S3Store, users: Mapping[str, S3Settings], prefix: str, tenant: str, whose: str, place: str, verb: str
) -> None:
    home = f"{PLACES[place].format(whose)}{prefix}/"
    s3.put(f"{home}there", b"1")
    mine = S3Store(users[tenant])
    act: dict[str, Callable[[], object]] = {
        "get": lambda: mine.get(f"{home}there"),
        "put": lambda: mine.put(f"{home}new", b"2"),
        "list": lambda: list(mine.list(home)),
        "delete": lambda: mine.delete(f"{home}there"),
    }
    if whose == tenant:
        act[verb]()
    else:
        with pytest.raises(StoreRefused, match="403 AccessDenied"):
            act[verb]()
        assert s3.get(f"{home}there").body == b"1"
        with pytest.raises(NotFound):
            s3.get(f"{home}new")


@pytest.mark.parametrize(
    "key", ["snapshots/cleaning/green.p.rows/id/0/blue.99", "lake/blue", "lake/green/blue/x", "_headrace/probe/x"]
)
def test_a_place_that_only_looks_like_ones_own(users: Mapping[str, S3Settings], key: str) -> None:
    with pytest.raises(StoreRefused):
        S3Store(users["blue"]).put(key, b"2")


@pytest.mark.parametrize("prefix", ["", "lake/", "lake/blue", "snapshots/cleaning/"])
def test_a_listing_that_would_show_others_too(users: Mapping[str, S3Settings], prefix: str) -> None:
    with pytest.raises(StoreRefused):
        list(S3Store(users["blue"]).list(prefix))


# The services


@pytest.fixture
def pipeline(tmp_path: Path, prefix: str) -> Path:
    """A pipeline of blue's, of this test's own."""
    text = resources.files("headrace_flights").joinpath("flights.yaml").read_text()
    name = f"p{sha256(prefix.encode()).hexdigest()[:12]}"
    file = tmp_path / "flights.yaml"
    file.write_text(
        text.replace("headrace: 1", "headrace: 1\ntenant: blue").replace("\nname: flights", f"\nname: {name}")
    )
    return file


@pytest.fixture
def as_blue(secure: SecureKafka, stack: Stack, users: Mapping[str, S3Settings], pipeline: Path) -> dict[str, str]:
    """Everything a service of blue's is told; its topics are there, made by blue itself."""
    done = headrace(secure.user("blue"), "apply", str(pipeline))
    assert done.exit_code == 0, done.stderr
    return {
        **stack.endpoints.environment,
        **environment_of(secure.user("blue")),
        "HEADRACE_S3_ACCESS_KEY": str(users["blue"].access_key),
        "HEADRACE_S3_SECRET_KEY": str(users["blue"].secret_key),
        "HEADRACE_PIPELINE": str(pipeline),
        "HEADRACE_HTTP_HOST": "127.0.0.1",
        "HEADRACE_HTTP_PORT": "0",
    }


def last_words(status: int, line: str) -> str:
    """What a service said when it ended refused."""
    assert status == Exit.REFUSED
    return str(json.loads(line)["message"])


def test_the_wrong_password(as_blue: dict[str, str]) -> None:
    for status, said in ends({**as_blue, "HEADRACE_KAFKA_PASSWORD": SECRET}, "ingestion", "lake").values():
        assert "does not know this user with this password" in last_words(status, said)
        assert "check HEADRACE_KAFKA_USER and its PASSWORD" in last_words(status, said)


def test_a_broker_that_nobody_we_trust_vouches_for(as_blue: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "stranger.pem"
    file.write_text(Authority("stranger").pem)
    for status, said in ends({**as_blue, "HEADRACE_KAFKA_CA_FILE": str(file)}, "cleaning").values():
        assert "its certificate is not trusted (unable to get local issuer certificate)" in last_words(status, said)
        assert "name the file of its CA in HEADRACE_KAFKA_CA_FILE" in last_words(status, said)


def test_a_certificate_that_the_broker_does_not_take(
    as_blue: dict[str, str], secure: SecureKafka, tmp_path: Path
) -> None:
    signed = Authority("stranger").sign("blue", tmp_path)
    wrong = replace(secure.holder("blue"), cert_file=signed.certificate, key_file=signed.key)
    for status, said in ends({**as_blue, **environment_of(wrong)}, "cleaning").values():
        assert "it does not take our certificate" in last_words(status, said)


def test_another_tenants_user(as_blue: dict[str, str], secure: SecureKafka) -> None:
    for status, said in ends({**as_blue, **environment_of(secure.user("green"))}, "ingestion", "lake").values():
        assert "topics: not allowed on the topic blue." in last_words(status, said)
        assert "`headrace tenant acls` lists what a tenant needs" in last_words(status, said)


def test_a_user_that_may_join_no_group(as_blue: dict[str, str], secure: SecureKafka) -> None:
    for status, said in ends({**as_blue, **environment_of(secure.user("loner"))}, "ingestion", "lake").values():
        assert "not allowed in the consumer group blue." in last_words(status, said)


def test_a_user_that_may_write_nothing(as_blue: dict[str, str], secure: SecureKafka) -> None:
    for status, said in ends({**as_blue, **environment_of(secure.user("reader"))}, "ingestion").values():
        assert "not allowed on the cluster (idempotent writes need WRITE on one topic" in last_words(status, said)


@pytest.mark.parametrize("command", ["plan", "apply", "tail"])
def test_commands_with_the_wrong_password(secure: SecureKafka, pipeline: Path, command: str) -> None:
    arguments = ["predictions", str(pipeline)] if command == "tail" else [str(pipeline)]
    done = headrace(secure.user("blue", SECRET), command, *arguments)
    assert done.exit_code == Exit.REFUSED
    assert "does not know this user with this password" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("way", ["password", "certificate"])
def test_rows_of_a_tenant_reach_its_lake(
    as_blue: dict[str, str], secure: SecureKafka, stack: Stack, pipeline: Path, tmp_path: Path, way: str
) -> None:
    # Given the services of a tenant, with its user in Kafka and its user in the object store
    access = secure.user("blue") if way == "password" else secure.holder("blue")
    settings = {**as_blue, **environment_of(access), "HEADRACE_LAKE_FLUSH_SECONDS": "1"}
    del settings["HEADRACE_HTTP_PORT"]
    names = ("ingestion", "cleaning", "feature_engineering", "lake")
    services = [
        Service(name, pipeline=pipeline, endpoints=stack.endpoints, logs=tmp_path, settings=settings) for name in names
    ]
    try:
        for service in services:
            service.start()
        for service in services:
            service.wait_ready()
        # When an event of its arrives
        name = pipeline.read_text().partition("\nname: ")[2].partition("\n")[0]
        produce(access, f"blue.{name}.raw.weather", b"not even JSON")
        # Then the lake has it: here among the rejected
        log = DeltaLog(S3Store(stack.endpoints.store), f"lake/blue/{name}/quarantine/all")
        deadline = time.monotonic() + 60
        while not _has_rows(log):
            assert time.monotonic() < deadline, "the row did not reach the lake"
            time.sleep(0.2)
        assert {service.name: service.stop() for service in services} == dict.fromkeys(names, 0)
    finally:
        for service in services:
            service.kill()


def _has_rows(log: DeltaLog) -> bool:
    try:
        return any(version > 0 for version in log.refresh().txns.values())
    except NotFound:
        return False
