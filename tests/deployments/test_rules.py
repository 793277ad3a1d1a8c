"""The lists of rules: what each rule started last, told where people and programs look."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments.models import Deployment
from orgs.models import Organization, User
from tests import factories
from tests.conftest import signed_in
from tests.deployments.test_versions import receive
from tests.factories import Place

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(northwind: Organization) -> Place:
    return factories.make_place(northwind)


def ruled(place: Place, pattern: str = "v.*") -> str:
    return factories.make_rule(place.project, place.application, place.environment, pattern).uid


@pytest.mark.parametrize("path", ["rules/", "projects/{code}/rules/"])
def test_a_rule_shows_the_version_that_it_fired_for_last(
    place: Place, uma: User, path: str
) -> None:
    ruled(place)
    receive(place, "v1.0.0")
    first = Deployment.objects.get()
    receive(place, "v2.0.0")
    last = Deployment.objects.latest("pk")
    receive(place, "w3")

    page = signed_in(uma).get(f"/o/northwind/{path.format(code=place.project.code)}")

    text = page.content.decode()
    assert f'href="/o/northwind/deployments/{last.uid}/">v2.0.0</a>' in text
    assert first.uid not in text
    assert '<span class="muted">never</span>' not in text


def test_a_rule_that_started_nothing_says_never(place: Place, uma: User) -> None:
    ruled(place)
    factories.make_deployment(place)  # by hand

    page = signed_in(uma).get("/o/northwind/rules/").content.decode()

    assert '<span class="muted">never</span>' in page


def test_only_the_rule_that_started_it_has_fired(place: Place) -> None:
    """Several rules for one place start one deployment: it is the quickest one's."""
    quick = ruled(place)
    slow = factories.make_rule(
        place.project, place.application, place.environment, "v.*", delay_minutes=5
    )
    receive(place, "v1")

    found = Deployment.objects.newest_by_rule(list(place.project.rules.all()))

    assert {uid: each.version.name for uid, each in found.items()} == {quick: "v1"}
    assert slow.uid not in found


def test_what_rules_started_is_told_of_ones_own_organization_alone(
    place: Place, southwind: Organization
) -> None:
    theirs = factories.make_place(southwind)
    ruled(theirs)
    receive(theirs, "v1")

    found = Deployment.objects.in_org(place.org).newest_by_rule(list(theirs.project.rules.all()))

    assert found == {}


@pytest.mark.parametrize("path", ["rules/", "projects/{code}/rules/"])
def test_what_fired_is_one_question_however_many_rules(
    place: Place, olivia: User, path: str
) -> None:
    def asked() -> int:
        client = signed_in(olivia)
        address = f"/o/northwind/{path.format(code=place.project.code)}"
        client.get(address)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    ruled(place)
    receive(place, "v1")
    few = asked()
    for number in range(6):
        ruled(place, f"w{number}")
        receive(place, f"w{number}")
        receive(place, f"v2.{number}")

    assert asked() == few
