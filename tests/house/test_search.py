"""Search: everything that an organization has, and the pages that one looks for."""

from __future__ import annotations

import re
from html import escape

import pytest
from django.conf import settings

from hydra.search import PAGES
from orgs.models import Organization, User
from tests import factories
from tests.conftest import signed_in

FRAME = (settings.BASE_DIR / "templates/base.html").read_text()


def found(user: User, text: str) -> list[str]:
    page = signed_in(user).get("/o/northwind/search/", {"q": text}).content.decode()
    return re.findall(r"<strong>([^<]+)</strong></a>", page.partition('id="search-hits"')[2])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("audit", "Audit log"),
        ("invite", "Invite Codes"),
        ("api k", "API keys"),
        ("ROLES", "Users &amp; Permissions"),
    ],
)
def test_settings_are_found_by_name_and_purpose(
    northwind: Organization, olivia: User, text: str, name: str
) -> None:
    assert name in found(olivia, text)


def test_a_page_is_found_by_those_alone_who_may_open_it(
    northwind: Organization, cast: dict[str, User]
) -> None:
    assert found(cast["max"], "audit") == ["Audit log"]
    assert found(cast["uma"], "audit") == []
    assert found(cast["bill"], "projects") == []


def test_things_come_before_pages(northwind: Organization, olivia: User) -> None:
    factories.make_project(northwind, "Agents of change")

    assert found(olivia, "agents") == ["Agents of change", "Agents"]


def test_every_page_of_the_sidebar_is_found() -> None:
    views = set(re.findall(r'{% nav_item "([\w:-]+)"', FRAME))

    assert views - {page.view for page in PAGES} == set()


def test_every_page_that_is_found_opens(northwind: Organization, olivia: User) -> None:
    client = signed_in(olivia)
    for page in PAGES:
        shown = client.get("/o/northwind/search/", {"q": page.name}).content.decode()
        address = re.findall(rf'href="([^"]+)"><strong>{escape(page.name)}<', shown)[-1]

        assert client.get(address).status_code == 200, page
