"""A real Kafka that asks who is there: users with passwords, clients with certificates, and access rules for both.

Its plain listener is the administrator's (`User:ANONYMOUS` is a super user): the rig's own way in, on the loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.contract.access import Acl, Resource, tenant_acls
from headrace.local.kafka import KafkaServer
from headrace.local.places import cache_folder
from headrace.local.ports import LOOPBACK, choose
from headrace.local.provision import provision
from headrace.runtime import acls, kafka
from headrace.runtime.kafka_access import KafkaAccess

from rig.certificates import Authority

_SECONDS = 15.0
_SETTINGS = """
listeners=PLAINTEXT://{host}:{plain},CONTROLLER://{host}:{controller},SASL://{host}:{sasl},MTLS://{host}:{mtls}
advertised.listeners=PLAINTEXT://{host}:{plain},SASL://{host}:{sasl},MTLS://{host}:{mtls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL,MTLS:SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.mtls.ssl.client.auth=required
listener.name.mtls.ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/
ssl.keystore.type=PEM
ssl.keystore.location={server}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=false
"""


@dataclass(frozen=True, slots=True)
class SecureKafka:
    """Where its listeners are, and what its clients need."""

    admin: KafkaAccess
    sasl: str
    mtls: str
    authority: Authority
    folder: Path  # of certificates
    passwords: Mapping[str, str]

    @property
    def ca(self) -> Path:
        """The file of our authority's own certificate."""
        return self.folder / "ca.pem"

    def user(self, name: str, password: str | None = None) -> KafkaAccess:
        """A user with its password, or another one."""
        said = self.passwords[name] if password is None else password
        return KafkaAccess(self.sasl, "sasl_tls", self.ca, user=name, password=said)

    def holder(self, name: str) -> KafkaAccess:
        """The holder of a certificate of our authority that names `name`."""
        signed = self.authority.sign(name, self.folder, file=name)
        return KafkaAccess(self.mtls, "tls", self.ca, signed.certificate, signed.key)

    def grant_some(self, user: str, tenant: str, operations: Collection[str], *, groups: bool = True) -> None:
        """Give a user only some of a tenant's rules: these operations on topics, and its groups or not."""
        some = [
            acl
            for acl in tenant_acls(tenant)
            if (acl.operation in operations if acl.resource is Resource.TOPIC else groups)
        ]
        asyncio.run(_grant(self.admin, user, some))


async def _grant(access: KafkaAccess, user: str, rules: Sequence[Acl]) -> None:
    async with kafka.admin(access, _SECONDS) as admin:
        await acls.grant(admin, f"User:{user}", rules, _SECONDS)


def environment_of(access: KafkaAccess) -> dict[str, str]:
    """How a service or a command is told to come in this way; what it does not need is left out."""
    told = {
        "": access.servers,
        "_SECURITY": access.security,
        "_CA_FILE": access.ca_file,
        "_CERT_FILE": access.cert_file,
        "_KEY_FILE": access.key_file,
        "_USER": access.user,
        "_PASSWORD": access.password,
    }
    return {f"HEADRACE_KAFKA{name}": str(value) for name, value in told.items() if value is not None}


@contextmanager
def secure_kafka(folder: Path, passwords: Mapping[str, str]) -> Iterator[SecureKafka]:
    """The broker with these users, ready; gone on exit."""
    ports = {name: choose() for name in ("plain", "controller", "sasl", "mtls")}
    authority, certificates = Authority("ca"), folder / "certificates"
    signed = authority.sign("broker", certificates, file="broker")
    both = certificates / "broker.pem"  # as Kafka wants them: the key, then its certificate
    both.write_bytes(signed.key.read_bytes() + signed.certificate.read_bytes())
    (certificates / "ca.pem").write_text(authority.pem)
    server = KafkaServer(
        provision(cache_folder(), print).kafka,
        folder / "kafka",
        log=folder / "kafka.log",
        port=ports["plain"],
        controller=ports["controller"],
        settings=_SETTINGS.format(host=LOOPBACK, server=both, ca=certificates / "ca.pem", **ports),
        format_options=[
            option
            for name, password in passwords.items()
            for option in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")
        ],
    )
    try:
        server.start()
        yield SecureKafka(
            KafkaAccess(server.address),
            f"{LOOPBACK}:{ports['sasl']}",
            f"{LOOPBACK}:{ports['mtls']}",
            authority,
            certificates,
            passwords,
        )
        server.stop()
    finally:
        server.kill()
