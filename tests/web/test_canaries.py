"""Secrets that people and programs use are found in no log, page, mail or table afterwards."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from hydra import keys
from orgs.models import Organization, User
from tests import factories
from tests.access_ground import make_ground
from tests.api.client import Api
from tests.conftest import signed_in
from tests.deployments.job_course import SESSION
from tests.test_access import EVERYTHING
from tests.web.test_crawler import Walk

pytestmark = pytest.mark.django_db

VALUE = "canary-of-a-variable"
OVERRIDE = "canary-of-an-override"
PASSWORD = "canary of a password 77"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that is logged, however unimportant, as the lines that would be written."""
    root, written = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(written)
    formats = [one.formatter for one in root.handlers]
    handler.setFormatter(
        next(one for one in formats if isinstance(one, structlog.stdlib.ProcessorFormatter))
    )
    loud = [logging.getLogger(name) for name in ("django.request", "httpx", "httpcore")]
    levels = [(logger, logger.level) for logger in (root, *loud)]
    root.addHandler(handler)
    for logger, _ in levels:
        logger.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    for logger, level in levels:
        logger.setLevel(level)


def whole_database() -> str:
    """Every row of every table, whoever made the table."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  # its own names
            for row in cursor.fetchall():
                found += [
                    str(bytes(cell)) if isinstance(cell, bytes | memoryview) else str(cell)
                    for cell in row
                ]
    return "\n".join(found)


def letters() -> str:
    sent = []
    for letter in mail.outbox:
        parts = letter.alternatives if isinstance(letter, EmailMultiAlternatives) else []
        sent += [str(letter.subject), str(letter.body), *(str(part[0]) for part in parts)]
    return "\n".join(sent)


def sign_up_and_in(code: str) -> str:
    """A person joins with the code, leaves, mistypes, comes back; gives their session."""
    browser = Client()
    who = {"email": "new@northwind.example", "name": "New", "password1": PASSWORD}
    joined = browser.post("/account/signup/", {**who, "invite_code": code, "organization": ""})
    assert joined.status_code == 302, joined.content.decode()
    browser.post("/account/logout/")
    browser.post("/account/login/", {"login": who["email"], "password": f"{PASSWORD}x"})
    browser.post("/account/login/", {"login": who["email"], "password": PASSWORD})
    browser.post("/account/password/", {"email": who["email"]})
    return browser.cookies["hydra_session"].value


def test_no_secret_is_found_anywhere_but_where_it_was_shown_once(
    northwind: Organization,
    cast: dict[str, User],
    logged: io.StringIO,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    # given: secrets of every kind, planted
    ground = make_ground(northwind)
    place = ground.place
    factories.make_variable(northwind, "TOKEN", VALUE, project=place.project, is_sensitive=True)
    factories.make_override(
        place.project, ground.config_file, place.environment, f"A={OVERRIDE}\n", is_sensitive=True
    )
    secrets = {
        "api key": factories.make_key(northwind, permissions=EVERYTHING)[1],
        "personal token": factories.make_token(cast["max"])[1],
        "webhook secret": factories.make_webhook(northwind)[1],
        "invite code": factories.make_invite(northwind)[1],
        "agent key": place.agent_token,
        "variable": VALUE,
        "override": OVERRIDE,
        "password": PASSWORD,
    }

    # when: they are used, rightly and wrongly
    with django_capture_on_commit_callbacks(execute=True):
        secrets["session"] = sign_up_and_in(secrets["invite code"])
    for token in (secrets["api key"], secrets["personal token"], keys.new_token(keys.API_KEY)):
        secrets[f"token {token[-4:]}"] = token
        api = Api(token)
        api.get("/api/v1/projects")
        api.get("/api/v1/nothing")
        api.send("POST", "/api/v1/projects", b"{")
        api.post("/api/externals/version/create", {"key": token, "appCode": place.application.code})
        Api().post(f"/api/externals/version/create?key={token}&appCode=nothing&version=v1")
    agent = Api(place.agent_token)
    hello = {"protocol": 1, "session": SESSION, "jobs": []}
    agent.post("/agent/v1/hello", hello)
    agent.post("/agent/v1/heartbeat", {"session": "another", "running": []})
    Api(secrets["api key"]).post(
        "/api/v1/projects/" + place.project.code + "/deployments",
        {
            "application": place.application.code,
            "version": ground.version.uid,
            "environment": place.environment.slug,
        },
    )

    # then: they are nowhere
    walks = [Walk(signed_in(cast[name]), "/", "/account/") for name in cast]
    pages = "\n".join(text for walk in walks for text in walk.go().texts)
    places = {
        "the log": logged.getvalue(),
        "pages": pages,
        "mails": letters(),
        "the database": whole_database(),
    }
    found = [
        f"{secret} in {where}"
        for where, text in places.items()
        for secret, value in secrets.items()
        if value in text
    ]
    assert found == []
    assert {where: len(text) > 100 for where, text in places.items()} == dict.fromkeys(places, True)
