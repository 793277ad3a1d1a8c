"""Auto-deploy rules, as the native face shows and takes them."""

from __future__ import annotations

import pytest

from deployments.models import Deployment
from orgs.models import Organization
from projects.models import AutoDeployRule
from tests import factories
from tests.api.client import Api, read, timeless


def test_a_rule_is_created_and_listed(api: Api, northwind: Organization) -> None:
    place = factories.make_place(northwind)
    body = {
        "application": place.application.code,
        "environment": place.environment.slug,
        "pattern": "v.*",
        "delay_minutes": 5,
    }
    path = f"/api/v1/projects/{place.project.code}/rules"

    created = read(api.post(path, body), 201)["data"]

    assert timeless(created) == {
        **body,
        "id": AutoDeployRule.objects.get().uid,
        "project": place.project.code,
        "strategy": "regex",
        "enabled": True,
        "allows_older": False,
        "position": 0,
        "last_fired": None,
    }
    assert read(api.get(path))["data"] == [created]


def test_a_rule_tells_what_it_started_last(api: Api, northwind: Organization) -> None:
    place = factories.make_place(northwind)
    factories.make_rule(place.project, place.application, place.environment, "v.*")
    for version in ("v1", "v2"):
        body = {"name": version}
        read(api.post(f"/api/v1/applications/{place.application.code}/versions", body), 201)
    last = Deployment.objects.latest("pk")

    (shown,) = read(api.get(f"/api/v1/projects/{place.project.code}/rules"))["data"]

    assert shown["last_fired"].pop("at").endswith("Z")
    assert shown["last_fired"] == {"deployment": last.uid, "version": "v2"}


def test_rules_are_put_in_order_unless_they_have_changed(api: Api, northwind: Organization) -> None:
    place = factories.make_place(northwind)
    a, b = (
        factories.make_rule(
            place.project, place.application, place.environment, pattern, position=position
        ).uid
        for position, pattern in enumerate(("v.*", "w.*"))
    )
    path = f"/api/v1/projects/{place.project.code}/rules/order"

    shown = read(api.send("PUT", path, {"order": [b, a], "was": [a, b]}))["data"]

    assert [(row["id"], row["position"]) for row in shown] == [(b, 0), (a, 1)]
    for sent, code in (
        ({"order": [a, b], "was": [a, b]}, "order_changed"),
        ({"order": [a]}, "order_outdated"),
    ):
        assert read(api.send("PUT", path, sent), 409)["code"] == code
    assert [rule.uid for rule in place.project.rules.all()] == [b, a]


@pytest.mark.parametrize("pattern", ["(", "(?=v)", r"(a)\1", "a{2000}"])
def test_a_bad_pattern_is_400_with_its_place(
    api: Api, northwind: Organization, pattern: str
) -> None:
    place = factories.make_place(northwind)
    body = {
        "application": place.application.code,
        "environment": place.environment.slug,
        "pattern": pattern,
    }

    answer = read(api.post(f"/api/v1/projects/{place.project.code}/rules", body), 400)

    assert [detail["location"] for detail in answer["details"]] == ["pattern"]
    assert not AutoDeployRule.objects.exists()


def test_a_rule_names_nothing_of_another_organization(
    api: Api, northwind: Organization, southwind: Organization
) -> None:
    mine, theirs = factories.make_place(northwind), factories.make_place(southwind)
    path = f"/api/v1/projects/{mine.project.code}/rules"

    for application, environment in (
        (theirs.application.uid, mine.environment.slug),
        (mine.application.code, theirs.environment.uid),
    ):
        body = {"application": application, "environment": environment}
        assert api.post(path, body).status_code == 404
    assert not AutoDeployRule.objects.exists()
