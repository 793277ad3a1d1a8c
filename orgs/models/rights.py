"""The table of rights: what can be done, and which role may do it. Not a table in the database.

The permissions of keys, `{resource}.{scope}.{action}`, are another spelling of the same rights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from orgs.models.organizations import Role


class Right(StrEnum):
    """What can be done, named `resource.action` as in the permissions of keys."""

    PROJECT_READ = "project.read"
    PROJECT_CREATE = "project.create"
    PROJECT_UPDATE = "project.update"
    PROJECT_DELETE = "project.delete"
    DEPLOYMENT_READ = "project.read_deployment"
    DEPLOYMENT_CREATE = "project.create_deployment"
    DEPLOYMENT_UPDATE = "project.update_deployment"
    RULE_READ = "project.read_rule"
    RULE_WRITE = "project.write_rule"
    APPLICATION_READ = "application.read"
    APPLICATION_CREATE = "application.create"
    APPLICATION_UPDATE = "application.update"
    APPLICATION_DELETE = "application.delete"
    VERSION_READ = "application.read_version"
    VERSION_CREATE = "application.create_version"
    ENVIRONMENT_READ = "environment.read"
    ENVIRONMENT_WRITE = "environment.write"
    AGENT_READ = "agent.read"
    AGENT_WRITE = "agent.write"
    WEBHOOK_READ = "webhook.read"
    WEBHOOK_WRITE = "webhook.write"
    API_KEY_READ = "api_key.read"
    API_KEY_WRITE = "api_key.write"
    MEMBER_READ = "member.read"
    MEMBER_WRITE = "member.write"
    INVITE_READ = "invite.read"
    INVITE_WRITE = "invite.write"
    ORGANIZATION_READ = "organization.read"
    ORGANIZATION_UPDATE = "organization.update"
    ORGANIZATION_DELETE = "organization.delete"
    BILLING_READ = "billing.read"
    BILLING_WRITE = "billing.write"
    USAGE_READ = "usage.read"
    AUDIT_READ = "audit.read"


class PersonalRight(StrEnum):
    """What concerns a person and no organization: only personal tokens can hold it."""

    TOKEN_READ = "token.read"  # noqa: S105  # the name of a right
    TOKEN_WRITE = "token.write"  # noqa: S105  # as above


READS = frozenset(
    {
        Right.PROJECT_READ,
        Right.DEPLOYMENT_READ,
        Right.RULE_READ,
        Right.APPLICATION_READ,
        Right.VERSION_READ,
        Right.ENVIRONMENT_READ,
        Right.AGENT_READ,
        Right.WEBHOOK_READ,
        Right.MEMBER_READ,
        Right.ORGANIZATION_READ,
    }
)
BILLING = frozenset(
    {Right.ORGANIZATION_READ, Right.BILLING_READ, Right.BILLING_WRITE, Right.USAGE_READ}
)
OWNERS_ALONE = frozenset({Right.ORGANIZATION_DELETE, Right.ORGANIZATION_UPDATE})
ROLE_RIGHTS: dict[str, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.MANAGER: frozenset(Right) - OWNERS_ALONE,
    Role.USER: READS - {Right.WEBHOOK_READ},
    Role.BILLING: BILLING,
}

# What a pipeline needs: the choice for a key that nobody chose anything for.
CI_PERMISSIONS = (
    "application.*.create_version",
    "application.*.read",
    "application.*.read_version",
    "project.*.create",
    "project.*.read",
    "project.*.read_rule",
    "project.*.create_deployment",
    "project.*.read_deployment",
    "environment.*.read",
    "agent.*.read",
    "usage.*.read",
)


def permission(right: str, scope: str = "*") -> str:
    """A right as keys spell it: `project.*.create_deployment`."""
    resource, action = right.split(".")
    return f"{resource}.{scope or '*'}.{action}"


def unknown_permissions(permissions: Iterable[str], *, among: Iterable[str] = Right) -> list[str]:
    """Those that name no right, so that a typo is not taken for a restriction."""
    known = {str(right).replace(".", "/") for right in among}
    return [
        held
        for held in permissions
        if len(parts := held.split(".")) != 3
        or not parts[1]
        or f"{parts[0]}/{parts[2]}" not in known
    ]


@dataclass(frozen=True)
class Powers:
    """What somebody may hand on to a key: their own rights, and a program's within its own."""

    rights: frozenset[str]
    permissions: frozenset[str] | None = None

    def lacks(self, held: str) -> bool:
        """Whether the permission `held` would be more than they have themselves."""
        resource, _, action = held.split(".")
        right = f"{resource}.{action}"
        if right not in self.rights:
            return True
        return self.permissions is not None and self.permissions.isdisjoint(
            {held, permission(right)}
        )


def usual_permissions(powers: Powers) -> tuple[str, ...]:
    """What a new key gets where nobody chose: usage is for whoever may read it themselves."""
    usage = permission(Right.USAGE_READ)
    return tuple(held for held in CI_PERMISSIONS if held != usage or not powers.lacks(usage))


def powers_of(role: str, permissions: frozenset[str] | None = None) -> Powers:
    return Powers(frozenset(ROLE_RIGHTS.get(role, ())), permissions)


def grantable_by(role: str) -> frozenset[Role]:
    """The roles that a member with this one may give to others: never more than their own."""
    if role == Role.OWNER:
        return frozenset(Role)
    if role == Role.MANAGER:
        return frozenset(Role) - {Role.OWNER}
    return frozenset()
