"""The access matrix: every route of pages, API and agents, and what each caller gets there.

The rows stand in `tests/access_matrix.py`. A route without a row fails; so does a row that is not
true, and the failure shows what was measured: read it before you copy it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import partial

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from hydra import keys
from orgs.models import Organization, User
from orgs.models.rights import PersonalRight, Right, permission
from tests import factories
from tests.access_ground import Ground, make_ground
from tests.access_matrix import AGENT, API, PAGES, PERSONAL
from tests.api.client import Api
from tests.conftest import signed_in

METHODS = ("GET", "POST")
CONVERTER = re.compile(r"<\w+:")  # how a parameter is spelled is not what the matrix is about
EVERYTHING = frozenset(permission(right) for right in Right)
SOME_PERMISSION = frozenset({"project.*.read"})
ROLES = ("olivia", "max", "uma", "bill")
# Done, sent on, or refused by what stands behind the gate.
LET_IN = frozenset({200, 201, 204, 302, 400, 409, 422, 426})


@dataclass(frozen=True)
class Row:
    """A method, a route, the permissions it needs, and what each caller gets, in order."""

    method: str
    route: str
    permissions: frozenset[str]
    answers: tuple[str, ...]

    def measured(self, answers: list[str]) -> str:
        """Empty when `answers` are what the row says; else the row as it would have to be."""
        if tuple(answers) == self.answers:
            return ""
        needs = "+".join(sorted(self.permissions))
        return " ".join([self.method, self.route, needs, *answers, "and not", *self.answers])


def rows_of(table: str, *, callers: int) -> list[Row]:
    rows = []
    for line in table.strip().splitlines():
        method, route, *rest = line.split()
        needs = rest[:-callers]
        permissions = frozenset(needs[0].split("+")) - {"-"} if needs else frozenset()
        rows.append(Row(method, route, permissions, tuple(rest[-callers:])))
    return rows


def walk(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[tuple[str, str]]:
    """Every method and route. Pages do not tell their methods, so each is tried with both."""
    for pattern in patterns:
        route = prefix + CONVERTER.sub("<", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            actions = getattr(pattern.callback, "actions", None)
            methods = {name.upper() for name in actions} - {"HEAD"} if actions else METHODS
            yield from ((method, route) for method in methods)


PAGE_ROWS = rows_of(PAGES, callers=6)
API_ROWS = rows_of(API, callers=8)
PERSONAL_ROWS = rows_of(PERSONAL, callers=5)
AGENT_ROWS = rows_of(AGENT, callers=4)


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    """The administration's routes are alike, and tests/admin/test_gate.py walks all of them."""
    walked = walk(get_resolver().url_patterns)
    routes = {(method, route) for method, route in walked if not route.startswith("/admin")}
    rows = {(row.method, row.route) for row in (*PAGE_ROWS, *API_ROWS, *PERSONAL_ROWS, *AGENT_ROWS)}

    assert (sorted(routes - rows), sorted(rows - routes)) == ([], [])


@pytest.fixture
def ground(northwind: Organization) -> Ground:
    return make_ground(northwind)


def tried(call: Callable[[], HttpResponse]) -> str:
    """What the answer is in the words of the matrix, after undoing whatever was done."""
    with transaction.atomic():
        response = call()
        transaction.set_rollback(True)
    if response.status_code == 302 and response["Location"].startswith(reverse("account_login")):
        return "login"
    return "in" if response.status_code in LET_IN else str(response.status_code)


def test_pages_admit_exactly_whom_the_matrix_says(ground: Ground, cast: dict[str, User]) -> None:
    browsers = [Client(), *(signed_in(cast[name]) for name in ("sam", *ROLES))]
    cookies = [copy(browser.cookies) for browser in browsers]

    def answers(row: Row) -> list[str]:
        path = ground.address(row.route)
        for browser, before in zip(browsers, cookies, strict=True):
            browser.cookies = copy(before)  # signing out is undone in the database, not here
        return [tried(lambda b=browser: b.generic(row.method, path)) for browser in browsers]  # type: ignore[misc]  # a default is no capture to mypy

    assert [wrong for row in PAGE_ROWS if (wrong := row.measured(answers(row)))] == []


def test_the_api_admits_exactly_whom_the_matrix_says(
    ground: Ground, cast: dict[str, User], southwind: Organization
) -> None:
    callers = [Api(factories.make_key(southwind, permissions=EVERYTHING)[1])]
    for name in ROLES:
        key = factories.make_key(ground.org, permissions=EVERYTHING, creator=cast[name])
        callers.append(Api(key[1]))

    def answers(row: Row) -> list[str]:
        without = factories.make_key(ground.org, permissions=EVERYTHING - row.permissions)
        alone = factories.make_key(ground.org, permissions=row.permissions or SOME_PERMISSION)
        path, body = ground.address(row.route), body_of(row.route, ground)
        return [
            tried(partial(caller.send, row.method, path, body))
            # Nobody has a new address each time: an address that keeps failing is refused as such.
            for caller in (Api(), *callers, Api(without[1]), Api(alone[1]))
        ]

    assert [wrong for row in API_ROWS if (wrong := row.measured(answers(row)))] == []


def test_a_personal_token_is_admitted_as_a_key_of_its_person(
    ground: Ground, cast: dict[str, User], southwind: Organization
) -> None:
    """A stranger's token of another organization, and those of the four roles, in the same rows."""
    tokens = {
        name: factories.make_token(cast[name], permissions=EVERYTHING)[1]
        for name in ("sam", *ROLES)
    }
    callers = [Api(token) for token in tokens.values()]

    def answers(row: Row) -> list[str]:
        missing = EVERYTHING - row.permissions
        without = factories.make_token(cast["olivia"], permissions=missing)[1]
        held = row.permissions or SOME_PERMISSION
        alone = factories.make_token(cast["olivia"], permissions=held)[1]
        path, body = ground.address(row.route), body_of(row.route, ground)
        return [
            tried(partial(caller.send, row.method, path, body))
            for caller in (Api(), *callers, Api(without), Api(alone))
        ]

    assert [wrong for row in API_ROWS if (wrong := row.measured(answers(row)))] == []


def test_personal_routes_admit_personal_tokens_alone(ground: Ground, cast: dict[str, User]) -> None:
    olivia, everything = cast["olivia"], {*EVERYTHING, *map(permission, PersonalRight)}
    callers = [
        Api(factories.make_key(ground.org, permissions=EVERYTHING)[1]),
        Api(factories.make_token(cast["max"], permissions=everything)[1]),
    ]

    def answers(row: Row) -> list[str]:
        without = factories.make_token(olivia, permissions=everything - row.permissions)[1]
        alone = factories.make_token(olivia, permissions=row.permissions)[1]
        path, body = ground.address(row.route), body_of(row.route, ground)
        return [
            tried(partial(caller.send, row.method, path, body))
            for caller in (Api(), *callers, Api(without), Api(alone))
        ]

    assert [wrong for row in PERSONAL_ROWS if (wrong := row.measured(answers(row)))] == []


def test_a_refusal_names_what_is_missing_on_every_route(ground: Ground) -> None:
    """For all or for the one thing in question."""

    def refusal(row: Row) -> str:
        key = factories.make_key(ground.org, permissions=EVERYTHING - row.permissions)[1]
        path, body = ground.address(row.route), body_of(row.route, ground)
        return Api(key).send(row.method, path, body).content.decode()

    def names_one(told: str, permissions: frozenset[str]) -> bool:
        patterns = (re.escape(held).replace(r"\*", r"(\*|\w+)") for held in permissions)
        return any(re.search(pattern, told) for pattern in patterns)

    told = [(row, refusal(row)) for row in API_ROWS if row.permissions]
    assert [
        (row.method, row.route, answer)
        for row, answer in told
        if not names_one(answer, row.permissions)
    ] == []


def body_of(route: str, ground: Ground) -> dict[str, object]:
    """What a body must name for the route to get as far as its right."""
    place = ground.place
    bodies: dict[str, dict[str, object]] = {
        "/api/externals/version/create": {"appCode": place.application.code, "version": "v9"},
        "/api/v1/projects/<uid>/deployments": {"version": ground.version.uid},
        "/api/v1/api-keys/<uid>/rotate": {"overlap_days": -1},
        "/api/v1/tokens/<uid>/rotate": {"overlap_days": -1},
        "/v2/deploy.getDeployment": {"deploymentId": ground.deployment.uid},
        "/v2/deploy.createDeployment": {
            "projectId": place.project.uid,
            "environmentSlug": place.environment.slug,
            "branch": "main",
            "dockerImage": "image",
        },
    }
    return bodies.get(route, {})


def test_agents_routes_admit_exactly_whom_the_matrix_says(
    ground: Ground, southwind: Organization
) -> None:
    callers = [
        Api(),
        Api(keys.new_token(keys.AGENT_KEY)),
        Api(factories.make_agent(southwind)[1]),
        Api(ground.place.agent_token),
    ]

    def answers(row: Row) -> list[str]:
        path = ground.address(row.route)
        return [tried(partial(caller.send, row.method, path, {})) for caller in callers]

    assert [wrong for row in AGENT_ROWS if (wrong := row.measured(answers(row)))] == []
