"""Environments have names of their own, an order, and stay while something uses them."""

from __future__ import annotations

import pytest

from deployments.models import Deployment
from hydra.errors import Invalid
from orgs.models import SYSTEM, Environment, Event, Organization
from orgs.services import environments
from orgs.services.environments import EnvironmentExists, EnvironmentInUse, OrderOutdated
from tests import factories
from tests.factories import make_environment


def names(org: Organization) -> list[str]:
    return list(Environment.objects.in_org(org).values_list("name", flat=True))


def test_a_new_environment_is_the_last(northwind: Organization) -> None:
    for name in ("Development", "Production", "Übung & Test"):
        make_environment(northwind, name)

    assert list(Environment.objects.in_org(northwind).values_list("slug", "position")) == [
        ("development", 0),
        ("production", 1),
        ("ubung-test", 2),
    ]


@pytest.mark.parametrize("name", ["Production", " production "])
def test_a_name_is_used_once_whatever_its_case(northwind: Organization, name: str) -> None:
    make_environment(northwind, "Production")

    with pytest.raises(EnvironmentExists):
        make_environment(northwind, name)

    assert names(northwind) == ["Production"]


def test_another_organization_may_use_the_name(
    northwind: Organization, southwind: Organization
) -> None:
    make_environment(northwind, "Production")

    assert make_environment(southwind, "Production").slug == "production"


def test_a_name_is_needed(northwind: Organization) -> None:
    with pytest.raises(Invalid):
        environments.create_environment(northwind, name="  ", by=SYSTEM)

    assert names(northwind) == []


def test_names_that_look_alike_as_addresses_get_numbers(northwind: Organization) -> None:
    slugs = [make_environment(northwind, name).slug for name in ("QA 1", "qa-1", "QA_1", "漢")]

    assert slugs == ["qa-1", "qa-1-2", "qa_1", "environment"]


def test_renaming_keeps_the_slug(northwind: Organization) -> None:
    environment = make_environment(northwind, "Staging")

    environments.rename_environment(environment, name="Acceptance", by=SYSTEM)

    environment.refresh_from_db()
    assert (environment.name, environment.slug) == ("Acceptance", "staging")
    assert Event.objects.get(verb="environment.renamed").data == {
        "before": {"name": "Staging"},
        "after": {"name": "Acceptance"},
    }


def test_a_change_of_case_is_a_new_name_and_the_same_name_is_no_event(
    northwind: Organization,
) -> None:
    environment = make_environment(northwind, "staging")

    environments.rename_environment(environment, name="Staging", by=SYSTEM)
    environments.rename_environment(environment, name="Staging", by=SYSTEM)

    assert names(northwind) == ["Staging"]
    assert Event.objects.filter(verb="environment.renamed").count() == 1


def test_renaming_to_anothers_name_is_refused(northwind: Organization) -> None:
    make_environment(northwind, "Production")
    staging = make_environment(northwind, "Staging")

    with pytest.raises(EnvironmentExists):
        environments.rename_environment(staging, name="PRODUCTION", by=SYSTEM)

    assert names(northwind) == ["Production", "Staging"]


def test_an_order_is_saved_whole(northwind: Organization) -> None:
    a, b, c = (make_environment(northwind, name) for name in "ABC")

    environments.save_order(northwind, uids=[c.uid, a.uid, b.uid], by=SYSTEM)

    assert names(northwind) == ["C", "A", "B"]
    assert Event.objects.get(verb="environment.reordered").data == {
        "before": {"order": ["a", "b", "c"]},
        "after": {"order": ["c", "a", "b"]},
    }


@pytest.mark.parametrize("change", ["missing", "twice", "foreign"])
def test_an_order_that_is_not_todays_is_refused(
    northwind: Organization, southwind: Organization, change: str
) -> None:
    a, b = (make_environment(northwind, name) for name in "AB")
    foreign = make_environment(southwind, "Foreign")
    uids = {"missing": [b.uid], "twice": [b.uid, b.uid], "foreign": [b.uid, foreign.uid]}[change]

    with pytest.raises(OrderOutdated):
        environments.save_order(northwind, uids=uids, by=SYSTEM)

    assert names(northwind) == ["A", "B"]
    assert a.position == 0


def test_an_unused_environment_can_go(northwind: Organization) -> None:
    environment = make_environment(northwind, "Staging")

    environments.delete_environment(environment, by=SYSTEM)

    assert names(northwind) == []
    assert Event.objects.get(verb="environment.deleted").subject_label == "Staging"


def test_a_used_environment_stays_and_says_why(northwind: Organization) -> None:
    place = factories.make_place(northwind)
    factories.make_deployment(place)
    factories.make_deployment(place)

    with pytest.raises(EnvironmentInUse) as refused:
        environments.delete_environment(place.environment, by=SYSTEM)

    assert "1 project environment" in refused.value.message
    assert "2 deployments" in refused.value.message
    assert Deployment.objects.count() == 2
    assert names(northwind) == [place.environment.name]
