"""While the database is away everybody is told to come again, each in the words they understand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from orgs.models import Organization, User
from tests import factories
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


def cut(*_: Any) -> None:
    raise OperationalError("server closed the connection unexpectedly")


@pytest.fixture
def browser(northwind: Organization, olivia: User) -> Iterator[Client]:
    """Olivia's, whose requests find no database."""
    client = signed_in(olivia)
    client.raise_request_exception = False
    with connection.execute_wrapper(cut):
        yield client


def test_a_page_says_so(browser: Client) -> None:
    response = browser.get("/o/northwind/")

    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "Nothing is lost" in response.content.decode()


def test_what_the_pages_script_asks_for_is_told_by_a_toast(browser: Client) -> None:
    response = browser.get("/o/northwind/", headers={"HX-Request": "true"})

    assert (response.status_code, response["HX-Reswap"]) == (503, "none")


def test_programs_are_told_when_to_ask_again(northwind: Organization) -> None:
    _, key = factories.make_key(northwind)
    _, agent_key = factories.make_agent(northwind)
    client = Client(raise_request_exception=False)
    with connection.execute_wrapper(cut):
        answers = [
            client.get("/api/v1/projects", headers={"Authorization": f"Bearer {key}"}),
            client.put(
                "/agent/v1/jobs/job_1/log", headers={"Authorization": f"Bearer {agent_key}"}
            ),
        ]

    told = [(a.status_code, a["Retry-After"], a.json()["code"]) for a in answers]
    assert told == [(503, "2", "unavailable")] * 2
