"""Who may do what, cell by cell, on the page and by API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.test import Client

from deployments.models import Deployment
from orgs.models import Membership, Organization, Role, User
from orgs.models.rights import Right, permission
from tests import factories
from tests.access_ground import Ground, make_ground
from tests.api.client import Api
from tests.conftest import signed_in
from tests.test_access import tried

EVERYTHING = [permission(right) for right in Right]
COLUMNS = ("olivia", "max", "uma", "bill")
YES, NO = "in", "403"

# A request of a page or of the API: method, path below the organization or whole, what is sent.
Ask = tuple[str, str, dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One row of the table: its words, the same act on the page and by API, and its four cells."""

    words: str
    page: Ask | None
    api: Ask | None
    cells: tuple[str, str, str, str]
    managers_may_edit: bool = False


ALL_WHO_SEE = (YES, YES, YES, NO)
MANAGERS = (YES, YES, NO, NO)
OWNERS = (YES, NO, NO, NO)
BILLS = (YES, YES, NO, YES)
DEPLOYMENT = "projects/{project}/deployments"
USER, OWNER = {"role": "ORG_USER"}, {"role": "ORG_OWNER"}
TABLE = [
    Row("see projects", ("GET", "projects/", {}), ("GET", "projects", {}), ALL_WHO_SEE),
    Row("see applications", ("GET", "applications/", {}), ("GET", "applications", {}), ALL_WHO_SEE),
    Row("see deployments", ("GET", "deployments/", {}), ("GET", DEPLOYMENT, {}), ALL_WHO_SEE),
    Row("see agents", ("GET", "agents/", {}), ("GET", "agents", {}), ALL_WHO_SEE),
    Row("deploy", ("GET", "projects/{project}/deploy/", {}), ("POST", DEPLOYMENT, {}), MANAGERS),
    Row(
        "cancel",
        ("POST", "deployments/{deployment}/cancel/", {}),
        ("POST", "deployments/{deployment}/cancel", {}),
        MANAGERS,
    ),
    Row("manage projects", ("POST", "projects/new/", {}), ("POST", "projects", {}), MANAGERS),
    Row("manage agents", ("POST", "agents/new/", {}), ("POST", "agents", {}), MANAGERS),
    Row("manage webhooks", None, ("POST", "webhooks", {}), MANAGERS),
    Row(
        "manage environments",
        ("POST", "settings/environments/new/", {}),
        ("POST", "environments", {}),
        MANAGERS,
    ),
    Row("see invite codes", ("GET", "settings/invites/", {}), ("GET", "invites", {}), MANAGERS),
    Row("invite", ("POST", "settings/invites/new/", USER), ("POST", "invites", USER), MANAGERS),
    Row("invite an owner", None, ("POST", "invites", OWNER), OWNERS),
    Row(
        "revoke invite codes",
        ("POST", "settings/invites/{invite}/revoke/", {}),
        ("DELETE", "invites/{invite}", {}),
        MANAGERS,
    ),
    Row(
        "change a member's role",
        ("POST", "settings/users/{member}/role/", {"role": "ORG_BILLING"}),
        ("PATCH", "orgs/northwind/members/{member}", {"role": "ORG_BILLING"}),
        MANAGERS,
    ),
    Row("make an owner", None, ("PATCH", "orgs/northwind/members/{member}", OWNER), OWNERS),
    Row(
        "change an owner's role",
        ("POST", "settings/users/{owner}/role/", USER),
        ("PATCH", "orgs/northwind/members/{owner}", USER),
        OWNERS,
    ),
    Row(
        "remove a member",
        ("POST", "settings/users/{member}/remove/", {}),
        ("DELETE", "orgs/northwind/members/{member}", {}),
        MANAGERS,
    ),
    Row(
        "remove an owner",
        ("POST", "settings/users/{owner}/remove/", {}),
        ("DELETE", "orgs/northwind/members/{owner}", {}),
        OWNERS,
    ),
    Row("API keys", ("GET", "settings/api-keys/", {}), None, MANAGERS),
    Row("create API keys", ("POST", "settings/api-keys/new/", {}), None, MANAGERS),
    Row(
        "General settings, the switch off",
        ("POST", "settings/general/save/", {}),
        ("PATCH", "orgs/northwind", {}),
        OWNERS,
    ),
    Row(
        "General settings, the switch on",
        ("POST", "settings/general/save/", {}),
        ("PATCH", "orgs/northwind", {}),
        MANAGERS,
        managers_may_edit=True,
    ),
    Row("usage", None, ("GET", "/v1/usage", {}), BILLS),
    Row("audit log", ("GET", "settings/audit/", {}), ("GET", "events", {}), MANAGERS),
    Row(
        "delete the organization",
        ("POST", "settings/general/delete/", {"name": "Northwind"}),
        ("DELETE", "orgs/northwind", {}),
        OWNERS,
    ),
    Row("transfer ownership", ("GET", "settings/general/transfer/", {}), None, OWNERS),
]


@pytest.fixture
def ground(northwind: Organization, cast: dict[str, User]) -> Ground:
    """Northwind with one of everything, and a second owner to be touched."""
    ground = make_ground(northwind)
    Deployment.objects.in_org(northwind).active().update(
        state="queued", started_at=None
    )  # a running one would refuse the organization's end
    factories.make_member(northwind, Role.OWNER, name="Oscar")
    return ground


def address(path: str, ground: Ground) -> str:
    """`path` with the ground's own things in it."""
    oscar = Membership.objects.get(org=ground.org, user__name="Oscar")
    return path.format(
        project=ground.place.project.code,
        deployment=ground.deployment.uid,
        invite=ground.invite.uid,
        member=ground.member.uid,
        owner=oscar.uid,
    )


def on_page(browser: Client, ask: Ask, ground: Ground) -> str:
    method, path, sent = ask
    send: Any = browser.post if method == "POST" else browser.get
    return tried(partial(send, f"/o/northwind/{address(path, ground)}", sent))


def by_api(program: Api, ask: Ask, ground: Ground) -> str:
    method, path, sent = ask
    whole = path if path.startswith("/") else f"/api/v1/{address(path, ground)}"
    body = None if method == "GET" else sent
    return tried(partial(program.send, method, whole, body))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.words)
def test_a_row_of_the_table(row: Row, ground: Ground, cast: dict[str, User]) -> None:
    Organization.objects.update(managers_may_edit=row.managers_may_edit)

    def cells(ask: Ask | None, of: Callable[[User, Ask], str]) -> tuple[str, ...]:
        return tuple(of(cast[name], ask) for name in COLUMNS) if ask else row.cells

    def program(user: User) -> Api:
        return Api(factories.make_key(ground.org, permissions=EVERYTHING, creator=user)[1])

    assert cells(row.page, lambda user, ask: on_page(signed_in(user), ask, ground)) == row.cells
    assert cells(row.api, lambda user, ask: by_api(program(user), ask, ground)) == row.cells
