"""Overrides for some versions only: one for each pattern, each shown and removed by itself."""

from __future__ import annotations

import pytest
from django.test import Client

from orgs.models import SYSTEM, Event, User
from projects.models import Override
from projects.services import overrides, rendering
from tests import factories
from tests.conftest import signed_in
from tests.projects.conftest import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(max: User) -> Client:
    return signed_in(max)


def save(shop: Shop, text: str, pattern: str = "") -> Override:
    return overrides.save_override(
        shop.project,
        config_file=shop.file,
        environment=shop.environment,
        text=text,
        version_pattern=pattern,
        by=SYSTEM,
    )


def kept(shop: Shop) -> dict[str, str]:
    return {each.version_pattern: each.open_content() for each in shop.project.overrides.all()}


def rendered(shop: Shop, version: str) -> str:
    place = rendering.Place(shop.project, shop.environment, "")
    content = rendering.render(
        rendering.load_sources(shop.application, projects=[shop.project]),
        place=place,
        version=factories.make_version(shop.application, version),
        previous="",
        agents=[],
    )
    return content["files"][0]["content"]


def test_each_version_gets_the_override_that_is_for_it(shop: Shop) -> None:
    save(shop, "PORT=1\n", "v1.*")
    save(shop, "PORT=9\n")
    save(shop, "PORT=2\n", "v2.*")

    ports = [rendered(shop, version) for version in ("v1.5", "v2.0", "v3.0")]

    assert ports == ["MODE=base\nPORT=1\n", "MODE=base\nPORT=2\n", "MODE=base\nPORT=9\n"]
    told = Event.objects.filter(verb="override.saved").order_by("pk")
    assert [event.data["version_pattern"] for event in told] == ["v1.*", "", "v2.*"]


def test_a_variant_is_made_beside_the_others_and_shown(shop: Shop, manager: Client) -> None:
    save(shop, "PORT=9\n")

    sent = {"text": "PORT=1\n", "version_pattern": "v1.*", "act": "save"}
    answer = manager.post(shop.path("{cell}/?variant=new"), sent)

    made = shop.project.overrides.get(version_pattern="v1.*")
    assert (answer.status_code, answer["Location"]) == (
        302,
        shop.path(f"{{cell}}/?variant={made.uid}"),
    )
    assert kept(shop) == {"": "PORT=9\n", "v1.*": "PORT=1\n"}
    assert "PORT=1" in manager.get(answer["Location"]).content.decode()
    listed = manager.get(shop.path("{project}/configurations/")).content.decode()
    assert "override for v1.*" in listed


@pytest.mark.parametrize("pattern", ["v[", "(?=v)", r"(a)\1"])
def test_a_bad_pattern_is_told_at_its_field(shop: Shop, manager: Client, pattern: str) -> None:
    sent = {"text": "PORT=1\n", "version_pattern": pattern, "act": "save"}

    answer = manager.post(shop.path("{cell}/"), sent)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["version_pattern"]
    assert "PORT=1" in answer.content.decode()
    assert kept(shop) == {}


@pytest.mark.parametrize("pattern", ["", "v1.*"])
def test_a_new_variant_takes_the_place_of_no_other(
    shop: Shop, manager: Client, pattern: str
) -> None:
    save(shop, "PORT=9\n", pattern)

    sent = {"text": "PORT=1\n", "version_pattern": pattern, "act": "save"}
    answer = manager.post(shop.path("{cell}/?variant=new"), sent)

    assert answer.status_code == 422
    assert "have an override here already" in answer.content.decode()
    assert kept(shop) == {pattern: "PORT=9\n"}


def test_what_is_changed_keeps_its_pattern(shop: Shop, manager: Client) -> None:
    variant = save(shop, "PORT=1\n", "v1.*")
    sent = {"text": "PORT=2\n", "version_pattern": "", "act": "save"}

    manager.post(shop.path(f"{{cell}}/?variant={variant.uid}"), sent)

    assert kept(shop) == {"v1.*": "PORT=2\n"}


def test_one_variant_is_removed_and_the_others_stay(shop: Shop, manager: Client) -> None:
    save(shop, "PORT=9\n")
    variant = save(shop, "PORT=1\n", "v1.*")

    manager.post(shop.path(f"{{cell}}/remove/?variant={variant.uid}"))

    assert kept(shop) == {"": "PORT=9\n"}


def test_a_variant_of_another_place_does_not_exist(shop: Shop, manager: Client) -> None:
    moon = factories.make_environment(shop.org, "Moon")
    other = factories.make_override(shop.project, shop.file, moon, version_pattern="v1.*")

    answers = [
        manager.get(shop.path(f"{{cell}}/?variant={other.uid}")),
        manager.post(shop.path(f"{{cell}}/remove/?variant={other.uid}")),
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert kept(shop) == {"v1.*": "MODE=override\n"}
