"""No name of another organization's thing, wherever it is put, finds or changes that thing.

Every route of pages, API and agents is asked with each part of its address taken from Southwind;
every form and every body with each value that names a thing of Northwind's exchanged for its
counterpart in Southwind. Each must be refused, tell nothing, and leave Southwind as it was.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from agents.models import Agent
from deployments.models import Job, JobState
from orgs.models import Organization, User
from tests import factories
from tests.access_ground import Ground, make_ground
from tests.api.client import Api
from tests.conftest import signed_in
from tests.deployments.job_course import SESSION
from tests.test_access import API_ROWS, EVERYTHING, PAGE_ROWS, walk
from tests.web.counterparts import Witness, counterparts, foreign_addresses
from tests.web.reading import Control, Form, Page

pytestmark = pytest.mark.django_db

REFUSED = range(400, 500)
NOT_THERE = {404, 405}
# What a program may send, complete and right; what of it names a thing is exchanged one by one.
Body = dict[str, Any]


@pytest.fixture
def mine(northwind: Organization) -> Ground:
    return make_ground(northwind)


@pytest.fixture
def theirs(southwind: Organization) -> Ground:
    """A ground whose numbers are nobody else's: it is preceded by much that is gone again."""
    for _ in range(7):
        with transaction.atomic():
            make_ground(southwind)
            transaction.set_rollback(True)
    ground = make_ground(southwind)
    for row in (*PAGE_ROWS, *API_ROWS):
        ground.address(row.route)  # makes what it has not had to name yet
    return ground


# Of one's own, whatever organization is in the address; no names of things.
PERSONAL = re.compile(r"^/(account|admin|static)|<key>|<uidb36>|^/agent")


def test_no_address_of_a_page_leads_across(mine: Ground, theirs: Ground, olivia: User) -> None:
    browser, witness = signed_in(olivia), Witness(theirs)

    for row in PAGE_ROWS:
        if PERSONAL.search(row.route):
            continue
        for address in foreign_addresses(row.route, mine, theirs):
            asked = f"{row.method} {address}"
            status = witness.ask(asked, partial(browser.generic, row.method, address))
            witness.expect(asked, status, NOT_THERE)

    assert witness.wrong == []
    assert witness.tried > 150


def test_no_address_of_the_api_leads_across(mine: Ground, theirs: Ground) -> None:
    api, witness = Api(factories.make_key(mine.org, permissions=EVERYTHING)[1]), Witness(theirs)

    for row in API_ROWS:
        for address in foreign_addresses(row.route, mine, theirs):
            asked, body = f"{row.method} {address}", BODIES.get((row.method, row.route))
            sent = body(mine) if body else {}
            status = witness.ask(asked, partial(api.send, row.method, address, sent))
            witness.expect(asked, status, NOT_THERE)

    assert witness.wrong == []
    assert witness.tried > 20


def test_no_form_takes_a_thing_of_theirs(mine: Ground, theirs: Ground, olivia: User) -> None:
    browser, witness = signed_in(olivia), Witness(theirs)
    pairs = counterparts(mine, theirs)
    pages = {mine.address(row.route) for row in PAGE_ROWS if row.method == "GET"}

    for address in sorted(page for page in pages if page.startswith("/o/")):
        answer = browser.get(address)
        if answer.status_code != 200 or "html" not in answer["Content-Type"]:
            continue
        for form in Page(answer.content.decode()).forms:
            for control, value in exchanged(form, pairs):
                what = f"{form.method} {form.action or address} {control.name}={value}"
                sent = form.filled() | {control.name: [value]}
                call = submit(browser, form, address, sent)
                status = witness.ask(what, call, sent=value)
                if form.method == "post":
                    witness.expect(what, status, REFUSED)

    assert witness.wrong == []
    assert witness.tried > 20


def exchanged(form: Form, pairs: dict[str, list[str]]) -> Iterator[tuple[Control, str]]:
    """Each control that names a thing of mine, with what it would be in theirs."""
    for control in form.controls:
        if control.name == "csrfmiddlewaretoken" or control.kind == "submit":
            continue
        found = [other for choice in control.choices for other in pairs.get(choice, [])]
        for other in sorted(set(found) - set(control.choices)):
            yield control, other


def submit(
    browser: Client, form: Form, address: str, sent: dict[str, list[str]]
) -> Callable[[], Any]:
    where = form.action or address
    if form.method == "post":
        return lambda: browser.post(where, sent)
    return lambda: browser.get(where, sent)


def leaves(body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str, bool]]:
    """Every text in a body, and every name of a field that is chosen freely: (way, text, a key)."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield (*way, key), key, True
            yield from leaves(value, (*way, key))
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield from leaves(value, (*way, number))
    elif isinstance(body, str):
        yield way, body, False


def replaced(body: Any, way: tuple[Any, ...], value: str, *, is_key: bool) -> Any:
    whole = copy.deepcopy(body)
    inner = whole
    for part in way[:-1]:
        inner = inner[part]
    if is_key:
        inner[value] = inner.pop(way[-1])
    else:
        inner[way[-1]] = value
    return whole


def rule_of(mine: Ground) -> Body:
    place = mine.place
    named = {"application": place.application.code, "environment": place.environment.slug}
    return {"rule": "v1.*", **named}


BODIES: dict[tuple[str, str], Callable[[Ground], Body]] = {
    ("POST", "/api/externals/project/create"): lambda g: {
        "name": "New",
        "code": "fresh",
        "environments": [g.place.environment.name],
        "connectedApps": [
            {
                "appCode": g.place.application.code,
                "autoDeployRules": {g.place.environment.name: {"rule": "v.*"}},
                "configs": {g.config_file.name: {g.place.environment.name: "A=1\n"}},
            }
        ],
        "agents": [{"name": g.place.agent.name}],
    },
    ("POST", "/api/externals/version/create"): lambda g: {
        "appCode": g.place.application.code,
        "version": "v9",
    },
    ("POST", "/api/v1/projects"): lambda g: {"name": "New", "code": "fresh", "orgSlug": g.org.slug},
    ("POST", "/api/v1/projects/<uid>/deployments"): lambda g: {
        "application": g.place.application.code,
        "version": g.version.uid,
        "environment": g.place.environment.slug,
    },
    ("POST", "/api/v1/projects/<uid>/rules"): rule_of,
    ("POST", "/api/v1/applications/<uid>/steps"): lambda g: {
        "name": "Test",
        "type": "bash",
        "script": "true",
        "needs": [g.step.uid],
    },
    ("POST", "/v2/deploy.createDeployment"): lambda g: {
        "projectId": g.place.project.uid,
        "environmentSlug": g.place.environment.slug,
        "branch": "main",
        "dockerImage": "image",
    },
    ("POST", "/v2/deploy.getDeployment"): lambda g: {"deploymentId": g.deployment.uid},
}


def test_no_body_takes_a_thing_of_theirs(mine: Ground, theirs: Ground) -> None:
    """Where a body names a thing, all the ways to name it are tried: id, code, name and key."""
    api, witness = Api(factories.make_key(mine.org, permissions=EVERYTHING)[1]), Witness(theirs)
    pairs = counterparts(mine, theirs)

    for (method, route), build in BODIES.items():
        address, body = mine.address(route), build(mine)
        what = f"{method} {address} {body}"
        witness.expect(
            what, witness.ask(what, partial(api.send, method, address, body)), {200, 201}
        )
        for way, value, is_key in leaves(body):
            for other in set(pairs.get(value, [])) - {value}:
                sent = replaced(body, way, other, is_key=is_key)
                what = f"{method} {address} {way}={other}"
                call = partial(api.send, method, address, sent)
                witness.expect(what, witness.ask(what, call, sent=json.dumps(sent)), REFUSED)

    assert witness.wrong == []
    assert witness.tried > 20


def test_every_field_that_names_a_thing_is_in_a_body_above() -> None:
    """By the description of the API itself: a new field that names a thing asks for its body."""
    schema = Client().get("/api/schema/?format=json").json()
    naming = re.compile(
        r"(^|_)(id|uid|slug|project|application|environment|agent|version|step|needs)s?$|(Id|Slug|Code)$"
    )
    missing = []
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            shape = content.get("application/json", {}).get("schema", {})
            fields = shape_of(schema, shape).get("properties", {})
            named = sorted(name for name in fields if naming.search(name))
            route = re.sub(r"\{\w+\}", "<>", path)
            known = {(m.lower(), re.sub(r"<\w+>", "<>", r)) for m, r in BODIES}
            if named and (method, route) not in known:
                missing.append(f"{method} {route} {named}")

    assert missing == []


def shape_of(schema: Body, shape: Body) -> Body:
    if "$ref" in shape:
        found: Body = schema["components"]["schemas"][shape["$ref"].rsplit("/", 1)[-1]]
        return found
    return shape


def test_no_filter_of_the_api_tells_of_theirs(mine: Ground, theirs: Ground) -> None:
    api, witness = Api(factories.make_key(mine.org, permissions=EVERYTHING)[1]), Witness(theirs)
    schema = Client().get("/api/schema/?format=json").json()
    pairs = counterparts(mine, theirs)
    others = {other for found in pairs.values() for other in found if not other.isdigit()}

    for row in API_ROWS:
        path = re.sub(r"<\w+>", "{uid}", row.route)
        described = schema["paths"].get(path, {}).get(row.method.lower(), {})
        for parameter in described.get("parameters", []):
            if parameter["in"] != "query" or parameter["name"] in {"limit", "cursor", "key"}:
                continue
            for other in sorted(others):
                asked = f"{mine.address(row.route)}?{parameter['name']}={other}"
                witness.ask(asked, partial(api.send, row.method, asked, {}), sent=other)

    assert witness.wrong == []


def test_no_agent_speaks_for_a_job_of_theirs(mine: Ground, theirs: Ground) -> None:
    Agent.objects.update(session=SESSION)
    agent, witness = Api(mine.place.agent_token), Witness(theirs)
    job = theirs.job.uid
    routes = {route for _, route in walk(get_resolver().url_patterns)}
    calls = sorted(route for route in routes if route.startswith("/agent/v1/"))
    bodies: dict[str, Body] = {
        "start": {"fence": 1},
        "report": {"fence": 1, "steps": [{"position": 0, "state": "failed"}]},
        "finish": {"fence": 1, "outcome": "failed"},
        "heartbeat": {"running": [{"id": job, "fence": 1}]},
        "hello": {"protocol": 1, "jobs": [{"id": job, "fence": 1, "state": "running"}]},
    }

    for route in calls:
        verb = route.rstrip("/").rsplit("/", 1)[-1]
        address = route.replace("<job>", job)
        if verb == "log":
            address += f"?session={SESSION}&fence=1&offset=0&crc32=00000000"
            call = partial(agent.send, "PUT", address, b"")
        else:
            call = partial(agent.post, address, {"session": SESSION, **bodies[verb]})
        status = witness.ask(address, call)
        witness.expect(address, status, {200} if verb in {"hello", "heartbeat"} else {409})

    assert witness.wrong == []
    assert agent.post("/agent/v1/heartbeat", {"session": SESSION, **bodies["heartbeat"]}).json()[  # type: ignore[attr-defined]  # the test client's
        "jobs"
    ] == [{"id": job, "fenced": True}]
    assert Job.objects.get(uid=job).state == JobState.RUNNING
