"""Every page for everybody: strangers find nothing, users look, managers and owners change."""

import pytest
from django.test import Client
from django.urls import resolve

from orgs.models import User
from projects.urls import urlpatterns
from tests.conftest import signed_in
from tests.projects.conftest import Shop

LOOKED_AT = (
    "projects/",
    "{project}/settings/",
    "{project}/environments/",
    "{project}/agents/",
    "{project}/configurations/",
    "{cell}/",
    "{project}/variables/",
    "{project}/rules/",
    "rules/",
    "rules/simulate/?application=shop-api&version=v1",
    "applications/",
    "{application}/",
    "{application}/versions/",
    "{application}/deploy-script/",
    "{application}/settings/",
    "{application}/configurations/",
    "{application}/configurations/{file}/",
    "{application}/steps/",
)
CHANGED_ON = (
    "projects/new/",
    "{project}/applications/shop-api/disconnect/",
    "{project}/environments/staging/",
    "{project}/environments/staging/remove/",
    "{project}/variables/{variable}/",
    "{project}/variables/{variable}/delete/",
    "{project}/rules/new/",
    "{rule}/",
    "{rule}/delete/",
    "applications/new/",
    "{application}/versions/{version}/block/",
    "{application}/configurations/new/",
    "{application}/configurations/{file}/delete/",
    "{application}/steps/new/",
    "{application}/steps/new/?template=health_check",
    "{application}/steps/new/?template=database_migration",
    "{application}/steps/new/?template=cache_clear",
    "{application}/steps/new/?template=backup",
    "{application}/steps/new/?template=rollback",
    "{application}/steps/new/?template=deploy",
    "{application}/steps/{step}/",
    "{application}/steps/{step}/delete/",
)
POSTED_TO = (
    "projects/new/",
    "{project}/settings/",
    "{project}/delete/",
    "{project}/applications/",
    "{project}/applications/shop-api/disconnect/",
    "{project}/environments/add/",
    "{project}/environments/staging/",
    "{project}/environments/staging/remove/",
    "{project}/agents/link/",
    "{project}/agents/unlink/",
    "{cell}/",
    "{cell}/remove/",
    "{project}/variables/add/",
    "{project}/variables/{variable}/",
    "{project}/variables/{variable}/delete/",
    "{project}/rules/new/",
    "{project}/rules/order/",
    "{rule}/",
    "{rule}/switch/",
    "{rule}/delete/",
    "applications/new/",
    "{application}/versions/{version}/block/",
    "{application}/deploy-script/",
    "{application}/settings/",
    "{application}/delete/",
    "{application}/configurations/new/",
    "{application}/configurations/{file}/",
    "{application}/configurations/{file}/delete/",
    "{application}/steps/order/",
    "{application}/steps/new/",
    "{application}/steps/{step}/",
    "{application}/steps/{step}/delete/",
)


PICTURES = {"icon", "project-icon", "application-icon"}  # in test_icons.py


def test_every_page_of_projects_has_a_row(shop: Shop) -> None:
    paths = (shop.path(path).partition("?")[0] for path in (*LOOKED_AT, *CHANGED_ON, *POSTED_TO))

    tried = {found.url_name for path in paths if (found := resolve(path)).app_name == "projects"}

    assert tried == {route.name for route in urlpatterns} - PICTURES


@pytest.mark.parametrize("path", LOOKED_AT)
def test_a_page_to_look_at(shop: Shop, cast: dict[str, User], path: str) -> None:
    seen = {name: signed_in(user).get(shop.path(path)).status_code for name, user in cast.items()}

    assert seen == {"olivia": 200, "max": 200, "uma": 200, "bill": 403, "sam": 404}


@pytest.mark.parametrize("path", CHANGED_ON)
def test_a_page_to_change_something_on(shop: Shop, cast: dict[str, User], path: str) -> None:
    seen = {name: signed_in(user).get(shop.path(path)).status_code for name, user in cast.items()}

    assert seen == {"olivia": 200, "max": 200, "uma": 403, "bill": 403, "sam": 404}


@pytest.mark.parametrize("path", POSTED_TO)
def test_a_change_is_for_managers_and_owners(shop: Shop, cast: dict[str, User], path: str) -> None:
    refused = {
        name: signed_in(cast[name]).post(shop.path(path)).status_code
        for name in ("uma", "bill", "sam")
    }

    assert refused == {"uma": 403, "bill": 403, "sam": 404}


@pytest.mark.parametrize("path", [*LOOKED_AT, *CHANGED_ON])
def test_nothing_is_there_for_somebody_who_is_not_signed_in(shop: Shop, path: str) -> None:
    assert Client().get(shop.path(path)).status_code == 302


@pytest.mark.parametrize("path", [p for p in LOOKED_AT if "{" in p])
def test_another_organizations_objects_do_not_exist_in_ones_own(
    shop: Shop, cast: dict[str, User], path: str
) -> None:
    own = shop.path(path).replace("/o/northwind/", "/o/southwind/")

    assert signed_in(cast["sam"]).get(own).status_code == 404


@pytest.mark.parametrize("path", LOOKED_AT)
def test_who_may_not_change_anything_is_offered_no_way_to(shop: Shop, uma: User, path: str) -> None:
    page = signed_in(uma).get(shop.path(path)).content.decode()
    main = page[page.index('<main id="main"') :]

    assert 'method="post"' not in main
