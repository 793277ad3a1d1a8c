"""Who may do what: the table of rights, and the gate that every page passes.

A role or a key *grants* rights and a route *needs* one; `Access.allows` is the whole policy.
Rows are then reached through `request.org`, never through the whole table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from hydra.errors import Forbidden
from hydra.htmx import HtmxRequest
from hydra.requests import request_id_of
from orgs.models import Actor, ActorKind, Membership, Organization, Role, User


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
        Right.USAGE_READ,
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
)


def permission(right: Right, scope: str = "*") -> str:
    """A right as keys spell it: `project.*.create_deployment`."""
    resource, action = right.split(".")
    return f"{resource}.{scope or '*'}.{action}"


@dataclass(frozen=True)
class Access:
    """One actor in one organization, with what it may do there.

    `permissions` is None for a person, whose role alone decides; a key is held to both.
    """

    org: Organization
    actor: Actor
    role: str
    permissions: frozenset[str] | None = None

    def allows(self, right: Right, scope: str = "") -> bool:
        """Whether the right is granted, on the object with uid `scope` or on all."""
        if right not in ROLE_RIGHTS.get(self.role, frozenset()):
            return (
                right == Right.ORGANIZATION_UPDATE
                and self.role == Role.MANAGER
                and self.org.managers_may_edit
                and self.permissions is None
            )
        if self.permissions is None or permission(right) in self.permissions:
            return True
        return bool(scope) and permission(right, scope) in self.permissions

    def require(self, right: Right, scope: str = "") -> None:
        if not self.allows(right, scope):
            raise Forbidden(permission(right, scope))

    def scopes(self, right: Right) -> frozenset[str] | None:
        """The uids a list is limited to; None when it is not. Forbidden when there are none."""
        if self.allows(right):
            return None
        resource, action = right.split(".")
        granted = right in ROLE_RIGHTS.get(self.role, frozenset())
        found = {
            scope
            for held in self.permissions or ()
            for res, scope, act in [held.split(".")]
            if granted and (res, act) == (resource, action)
        }
        if not found:
            raise Forbidden(permission(right))
        return frozenset(found)


def unknown_permissions(permissions: Iterable[str]) -> list[str]:
    """Those that name no right, so that a typo is not taken for a restriction."""
    known = {right.split(".")[0] + "/" + right.split(".")[1] for right in Right}
    return [
        held
        for held in permissions
        if len(parts := held.split(".")) != 3
        or not parts[1]
        or f"{parts[0]}/{parts[2]}" not in known
    ]


class OrgRequest(HtmxRequest):
    """A request that passed the gate."""

    user: User
    org: Organization
    access: Access


def member(right: Right) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """The gate of a page below `/o/<org>/`: a stranger gets 404, a role too low 403."""

    def gate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def entered(request: Any, org: str, *args: Any, **kwargs: Any) -> HttpResponse:
            request.access = access_of(request, org)
            request.org = request.access.org
            request.access.require(right)
            return view(request, *args, **kwargs)

        return entered

    return gate


def access_of(request: HttpRequest, slug: str) -> Access:
    """The signed-in person's access to the organization, which else does not exist."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    membership = Membership.objects.of(user).filter(org__slug=slug).first()
    if membership is None:
        raise Http404
    return Access(membership.org, actor_of(request, user), membership.role)


def actor_of(request: HttpRequest, user: User) -> Actor:
    return Actor(
        ActorKind.USER, user.uid, str(user), request_id_of(request), address_of(request)
    )


def address_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
