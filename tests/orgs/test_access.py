"""The table of rights, cell by cell."""

from __future__ import annotations

import pytest

from hydra.errors import Forbidden
from orgs.access import Access, Right, permission
from orgs.models import SYSTEM, Organization, Role
from orgs.models.rights import CI_PERMISSIONS, grantable_by, unknown_permissions

ROLES = (Role.OWNER, Role.MANAGER, Role.USER, Role.BILLING)
SEE = (Right.PROJECT_READ, Right.APPLICATION_READ, Right.DEPLOYMENT_READ, Right.AGENT_READ)
MANAGE = (
    Right.DEPLOYMENT_CREATE,
    Right.DEPLOYMENT_UPDATE,
    Right.PROJECT_CREATE,
    Right.PROJECT_UPDATE,
    Right.PROJECT_DELETE,
    Right.APPLICATION_CREATE,
    Right.APPLICATION_UPDATE,
    Right.APPLICATION_DELETE,
    Right.VERSION_CREATE,
    Right.RULE_WRITE,
    Right.AGENT_WRITE,
    Right.WEBHOOK_READ,
    Right.WEBHOOK_WRITE,
    Right.ENVIRONMENT_WRITE,
)
TABLE = [
    # rights, owner, manager, user, billing
    (SEE, True, True, True, False),
    (MANAGE, True, True, False, False),
    ((Right.INVITE_READ, Right.INVITE_WRITE), True, True, False, False),
    ((Right.MEMBER_WRITE,), True, True, False, False),
    ((Right.API_KEY_READ, Right.API_KEY_WRITE), True, True, False, False),
    ((Right.ORGANIZATION_UPDATE,), True, False, False, False),
    ((Right.BILLING_READ, Right.BILLING_WRITE, Right.USAGE_READ), True, True, False, True),
    ((Right.AUDIT_READ,), True, True, False, False),
    ((Right.ORGANIZATION_DELETE,), True, False, False, False),
]
CELLS = [
    (role, right, allowed)
    for rights, *row in TABLE
    for right in rights
    for role, allowed in zip(ROLES, row, strict=True)
]


@pytest.mark.parametrize(("role", "right", "allowed"), CELLS)
def test_a_cell_of_the_table(role: Role, right: Right, allowed: bool) -> None:
    assert Access(Organization(), SYSTEM, role).allows(right) is allowed


def test_managers_edit_the_settings_when_the_owner_lets_them() -> None:
    org = Organization(managers_may_edit=True)

    assert Access(org, SYSTEM, Role.MANAGER).allows(Right.ORGANIZATION_UPDATE)
    assert not Access(org, SYSTEM, Role.USER).allows(Right.ORGANIZATION_UPDATE)
    assert not Access(org, SYSTEM, Role.MANAGER).allows(Right.ORGANIZATION_DELETE)
    held = frozenset({"organization.*.update"})
    assert Access(org, SYSTEM, Role.MANAGER, held).allows(Right.ORGANIZATION_UPDATE)
    assert not Access(org, SYSTEM, Role.MANAGER, frozenset()).allows(Right.ORGANIZATION_UPDATE)


def test_a_key_is_held_to_its_permissions_and_its_role() -> None:
    held = frozenset({"project.*.read", "project.prj_1.update", "api_key.*.write"})
    access = Access(Organization(), SYSTEM, Role.USER, held)

    assert access.allows(Right.PROJECT_READ)
    assert not access.allows(Right.PROJECT_UPDATE, "prj_1")  # not as a user
    assert not access.allows(Right.API_KEY_WRITE)
    as_owner = Access(Organization(), SYSTEM, Role.OWNER, held)
    assert as_owner.allows(Right.PROJECT_UPDATE, "prj_1")
    assert not as_owner.allows(Right.PROJECT_UPDATE, "prj_2")
    assert not as_owner.allows(Right.PROJECT_UPDATE)
    assert as_owner.scopes(Right.PROJECT_UPDATE) == frozenset({"prj_1"})
    assert as_owner.scopes(Right.PROJECT_READ) is None
    with pytest.raises(Forbidden):
        access.scopes(Right.PROJECT_UPDATE)


def test_a_refusal_names_the_permission() -> None:
    with pytest.raises(Forbidden) as refused:
        Access(Organization(), SYSTEM, Role.USER).require(Right.DEPLOYMENT_CREATE)

    assert refused.value.message == "This needs the permission project.*.create_deployment."


def test_a_typo_in_a_permission_is_found() -> None:
    good = [permission(right) for right in Right] + ["project.prj_1.read"]

    assert unknown_permissions(good) == []
    assert unknown_permissions(CI_PERMISSIONS) == []
    wrong = ["project.*.raed", "project.read", "project..read", "", "a.b.c.d"]
    assert unknown_permissions(wrong) == wrong


@pytest.mark.parametrize(
    ("giver", "roles"),
    [
        (Role.OWNER, set(Role)),
        (Role.MANAGER, set(Role) - {Role.OWNER}),
        (Role.USER, set()),
        (Role.BILLING, set()),
    ],
)
def test_who_may_give_which_role(giver: Role, roles: set[Role]) -> None:
    assert grantable_by(giver) == roles
