"""`headrace tenant`: what a tenant may do, told and granted."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Annotated

import typer

from headrace.cli.pipeline import Kafka
from headrace.cli.where import find_kafka
from headrace.contract.access import Acl, onlooker_acls, tenant_acls, tenant_policy
from headrace.contract.errors import PlanError
from headrace.runtime import acls as kafka_acls
from headrace.runtime import kafka as clients
from headrace.runtime.kafka_access import KafkaAccess

app = typer.Typer(help="What a tenant may do in Kafka and in the object store.", no_args_is_help=True)

_SECONDS = 15.0


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", text):
        raise typer.BadParameter(f"{text!r} is no tenant's name: lower-case letters, digits and _, a letter first")
    return text


def _principal(text: str) -> str:
    if not re.fullmatch(r"User:.+", text):
        raise typer.BadParameter(f"{text!r} is no principal: write User:<name>, as Kafka's own tools do")
    return text


Tenant = Annotated[str, typer.Argument(help="The tenant.", callback=_name)]

Onlooker = Annotated[bool, typer.Option("--onlooker", help="Only what the lag service needs: to look.")]


@app.command(name="acls")
def acls_(tenant: Tenant, onlooker: Onlooker = False) -> None:
    """List the access rules that a tenant needs in Kafka, one a line: resource, prefix of its name, operation."""
    for acl in _rules(tenant, onlooker):
        print(f"{acl.resource}  {acl.prefix}*  {acl.operation}")


@app.command()
def grant(
    tenant: Tenant,
    principal: Annotated[str, typer.Argument(help="Whom, as in User:blue.", callback=_principal)],
    kafka: Kafka = None,
    onlooker: Onlooker = False,
) -> None:
    """Grant a principal the access rules of a tenant; it may be run again at any time.

    Whoever runs it needs ALTER on the cluster.
    """
    if not kafka:
        raise PlanError("say where Kafka is, with --kafka or HEADRACE_KAFKA")
    rules = _rules(tenant, onlooker)
    asyncio.run(_grant(find_kafka(kafka), principal, rules))
    print(f"{principal} has the {len(rules)} access rules of {'an onlooker of ' if onlooker else ''}{tenant}")


@app.command()
def policy(
    tenant: Tenant,
    bucket: Annotated[str, typer.Option(help="The suite's bucket.")],
    principal: Annotated[str, typer.Option(help="Whom: the ARN of a role or user (AWS), a user (others).")],
) -> None:
    """Print the bucket policy by which a principal reaches a tenant's objects and no others."""
    print(json.dumps(tenant_policy(tenant, bucket, principal), indent=2))


def _rules(tenant: str, onlooker: bool) -> Sequence[Acl]:
    return onlooker_acls(tenant) if onlooker else tenant_acls(tenant)


async def _grant(access: KafkaAccess, principal: str, rules: Sequence[Acl]) -> None:
    async with clients.admin(access, _SECONDS) as admin:
        await kafka_acls.grant(admin, principal, rules, _SECONDS)
