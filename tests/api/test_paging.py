"""Lists: cursors that are ours alone, limits, and pages that no new row disturbs."""

from __future__ import annotations

from typing import Any

import pytest

from orgs.models import Environment, Organization
from tests import factories
from tests.api.client import Api, read


def names(answer: dict[str, Any]) -> list[str]:
    return [row["name"] for row in answer["data"]]


@pytest.fixture
def five(northwind: Organization) -> list[str]:
    for number in range(1, 6):
        factories.make_project(northwind, f"P{number}")
    return ["P5", "P4", "P3", "P2", "P1"]


def test_a_list_is_20_long_unless_asked_otherwise(api: Api, five: list[str]) -> None:
    answer = read(api.get("/api/v1/projects"))

    assert names(answer) == five
    assert answer["pagination"] == {"hasMore": False, "nextCursor": None, "limit": 20}


def test_the_pages_are_the_list_whatever_is_added_meanwhile(
    api: Api, northwind: Organization, five: list[str]
) -> None:
    seen: list[str] = []
    cursor, answer = "", {}
    for _ in range(3):
        answer = read(api.get(f"/api/v1/projects?limit=2{cursor}"))
        seen += names(answer)
        cursor = f"&cursor={answer['pagination']['nextCursor']}"
        factories.make_project(northwind)

    assert seen == five
    assert answer["pagination"] == {"hasMore": False, "nextCursor": None, "limit": 2}


def test_a_full_last_page_says_that_it_is_the_last(api: Api, five: list[str]) -> None:
    assert read(api.get("/api/v1/projects?limit=5"))["pagination"]["hasMore"] is False


def test_environments_are_paged_in_the_order_that_people_gave_them(
    api: Api, northwind: Organization
) -> None:
    for position, name in [(2, "c"), (0, "a"), (1, "b1"), (1, "b2")]:
        environment = factories.make_environment(northwind, name)
        Environment.objects.filter(pk=environment.pk).update(position=position)

    first = read(api.get("/api/v1/environments?limit=2"))
    cursor = first["pagination"]["nextCursor"]
    rest = read(api.get(f"/api/v1/environments?limit=2&cursor={cursor}"))

    assert names(first) + names(rest) == ["a", "b1", "b2", "c"]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5", "", "٣", "9" * 30])
def test_a_limit_outside_1_to_100_is_400(api: Api, limit: str) -> None:
    answer = read(api.get(f"/api/v1/projects?limit={limit}"), 400)

    assert answer["details"][0]["location"] == "query.limit"


def cursor_of(api: Api, path: str) -> str:
    cursor: str = read(api.get(f"{path}?limit=1"))["pagination"]["nextCursor"]
    return cursor


@pytest.mark.parametrize("cursor", ["1", "clm1abc", "%C3%BC", "=" * 8, "A" * 500, "WzFd"])
def test_a_cursor_that_is_not_ours_is_400(api: Api, five: list[str], cursor: str) -> None:
    answer = read(api.get(f"/api/v1/projects?cursor={cursor}"), 400)

    assert answer["details"][0]["location"] == "query.cursor"


def test_a_cursor_that_was_altered_is_400(api: Api, five: list[str]) -> None:
    cursor = cursor_of(api, "/api/v1/projects")

    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "B"
        altered = cursor[:place] + other + cursor[place + 1 :]
        status = api.get(f"/api/v1/projects?cursor={altered}").status_code
        # The last character may have bits that stand for nothing.
        assert status == 400 or place == len(cursor) - 1


def test_a_cursor_holds_for_its_own_list_and_organization_alone(
    api: Api, their_api: Api, northwind: Organization, five: list[str]
) -> None:
    factories.make_agent(northwind)
    factories.make_agent(northwind)
    cursor = cursor_of(api, "/api/v1/projects")

    assert api.get(f"/api/v1/projects?cursor={cursor}").status_code == 200
    assert api.get(f"/api/v1/agents?cursor={cursor}").status_code == 400
    assert their_api.get(f"/api/v1/projects?cursor={cursor}").status_code == 400


def test_a_list_of_one_takes_no_cursor(api: Api) -> None:
    assert api.get("/api/v1/orgs?cursor=x").status_code == 400
