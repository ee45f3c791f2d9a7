"""Access rules in Kafka: granting them. To grant one twice is to grant it once."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import ClusterAuthorizationFailedError, SecurityDisabled, for_code
from aiokafka.protocol.admin import CreateAclsRequest

from headrace.contract.access import Acl, Operation, Resource
from headrace.contract.errors import BrokerRefused, PlanError
from headrace.runtime.kafka import within

# Numbers of the protocol: org.apache.kafka.common.{resource.ResourceType, resource.PatternType, acl.AclOperation,
# acl.AclPermissionType}
_RESOURCES = {Resource.TOPIC: 2, Resource.GROUP: 3, Resource.TRANSACTION: 5}
_PREFIXED = 4
_OPERATIONS = {Operation.READ: 3, Operation.WRITE: 4, Operation.CREATE: 5, Operation.DESCRIBE: 8}
_ALLOW = 3
_ANY_HOST = "*"


async def grant(admin: AIOKafkaAdminClient, principal: str, acls: Sequence[Acl], seconds: float) -> None:
    """Allow a principal (`User:<name>`) all of these; raises BrokerRefused, BrokerUnavailable and PlanError."""
    for acl in acls:
        request = CreateAclsRequest(
            _RESOURCES[acl.resource],
            acl.prefix,
            _PREFIXED,
            principal,
            _ANY_HOST,
            _OPERATIONS[acl.operation],
            _ALLOW,
        )
        # The one way to send a request that the client has no method for.
        answer = await within(seconds, "granting access", admin._send_request(request))
        for code, said in answer.creation_responses:
            if code == SecurityDisabled.errno:
                raise PlanError(
                    "this Kafka has no authorizer, so everybody may do everything; set authorizer.class.name there"
                )
            if code == ClusterAuthorizationFailedError.errno:
                raise BrokerRefused("granting access: this principal may not; it needs ALTER on the cluster")
            if code:
                raise BrokerRefused(f"granting access to {acl.prefix}: {for_code(code).__name__} {said or ''}".rstrip())
