"""What a tenant may do, as data: nothing in it reaches further than the tenant's own names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from headrace.contract.access import (
    STAGES,
    Operation,
    Resource,
    onlooker_acls,
    tenant_acls,
    tenant_policy,
    tenant_prefixes,
)
from headrace.runtime.readers import SERVICES


def test_every_rule_ends_with_the_tenants_own_full_stop() -> None:
    assert {acl.prefix for acl in tenant_acls("blue")} == {"blue."}


def test_services_can_read_write_and_create_and_never_delete() -> None:
    granted = {(acl.resource, acl.operation) for acl in tenant_acls("blue")}
    assert granted == {
        (Resource.TOPIC, Operation.READ),
        (Resource.TOPIC, Operation.WRITE),
        (Resource.TOPIC, Operation.CREATE),
        (Resource.GROUP, Operation.READ),
        (Resource.TRANSACTION, Operation.WRITE),
    }


def test_an_onlooker_can_change_nothing() -> None:
    assert {acl.operation for acl in onlooker_acls("blue")} == {Operation.READ, Operation.DESCRIBE}
    assert Operation.READ not in {acl.operation for acl in onlooker_acls("blue") if acl.resource is Resource.GROUP}


@pytest.mark.parametrize("other", ["bluebird", "green", "blu"])
def test_no_prefix_covers_a_place_of_another_tenant(other: str) -> None:
    theirs = [f"{prefix}x" for prefix in tenant_prefixes(other)]
    assert not [key for key in theirs if key.startswith(tenant_prefixes("blue"))]


def test_every_service_that_keeps_snapshots_has_its_place() -> None:
    assert {*STAGES} == {*SERVICES} - {"lake"}


def test_a_policy_names_one_principal_and_lists_only_below_its_prefixes() -> None:
    objects, listing = tenant_policy("blue", "suite", "arn:aws:iam::1:role/blue")["Statement"]
    assert objects["Principal"] == listing["Principal"] == {"AWS": ["arn:aws:iam::1:role/blue"]}
    assert all(resource.startswith("arn:aws:s3:::suite/") for resource in objects["Resource"])
    assert listing["Resource"] == ["arn:aws:s3:::suite"]
    assert listing["Condition"]["StringLike"]["s3:prefix"] == [f"{prefix}*" for prefix in tenant_prefixes("blue")]
    assert "*" not in objects["Action"]


def test_the_policy_of_an_example_tenant_is_this_one() -> None:
    committed = Path(__file__).parents[3] / "kustomize/tenants/blue/access/s3-policy.json"
    role = "arn:aws:iam::111122223333:role/headrace-blue"
    assert json.loads(committed.read_text()) == tenant_policy("blue", "headrace-prod", role)
