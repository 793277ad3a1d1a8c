"""`/api/v1/events`: filters, pages, exports and the head, for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orgs.models import Event, Organization
from orgs.services import exports
from tests import factories
from tests.api.client import Api, read
from tests.orgs.audit_log import happen, seal_all

pytestmark = pytest.mark.django_db

EVENTS = "/api/v1/events"


@pytest.fixture
def api(northwind: Organization) -> Api:
    _, token = factories.make_key(northwind, permissions=["audit.*.read"])
    Event.objects.all().delete()
    for number in range(1, 6):
        happen(northwind, number)
    seal_all()
    return Api(token)


def test_events_are_listed_newest_first_page_by_page(api: Api) -> None:
    first = read(api.get(f"{EVENTS}?limit=3"))
    second = read(api.get(f"{EVENTS}?limit=3&cursor={first['pagination']['nextCursor']}"))

    assert [event["sequence"] for event in first["data"] + second["data"]] == [5, 4, 3, 2, 1]
    assert second["pagination"] == {"hasMore": False, "nextCursor": None, "limit": 3}


def test_one_event_tells_all_that_is_known(api: Api) -> None:
    event = Event.objects.get(sequence=3)

    shown = read(api.get(f"{EVENTS}/{event.uid}"))["data"]

    assert shown == exports.show_event(event)
    assert shown["subject"] == {"kind": "environment", "id": "env_3", "label": "Stage 3"}
    assert len(shown["seal"]) == 64


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("verb=environment.created", 5),
        ("verb=environment.*", 5),
        ("verb=version.*", 0),
        ("actor=system", 5),
        ("actor=Nobody", 0),
        ("subject=Stage 3", 1),
        ("from=2020-01-01T00:00:00Z", 5),
        ("to=2020-01-01T00:00:00Z", 0),
        ("to=2020-01-01T00:00:00%2B02:00", 0),
        ("from=2020-01-01T00:00:00+02:00", 5),
    ],
)
def test_filters_hold_for_the_list_and_the_export(api: Api, query: str, count: int) -> None:
    assert len(read(api.get(f"{EVENTS}?{query}"))["data"]) == count
    exported: Any = api.get(f"{EVENTS}/export?{query}")
    assert len(b"".join(exported.streaming_content).splitlines()) == count


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("verb=environment.exploded", "query.verb"),
        ("verb=", "query.verb"),
        ("actor=", "query.actor"),
        (f"subject={'x' * 301}", "query.subject"),
        ("from=yesterday", "query.from"),
        ("to=2026-02-31T00:00:00Z", "query.to"),
    ],
)
def test_a_filter_that_means_nothing_is_refused_with_its_place(
    api: Api, query: str, location: str
) -> None:
    for route in (EVENTS, f"{EVENTS}/export"):
        told = read(api.get(f"{route}?{query}"), 400)
        assert [detail["location"] for detail in told["details"]] == [location]


def test_an_export_streams_with_the_headers_of_every_answer(api: Api) -> None:
    response: Any = api.get(f"{EVENTS}/export?format=csv")

    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "Content-Length" not in response
    assert int(response["X-RateLimit-Limit"]) > 0
    assert response["X-Request-Id"]
    assert response["Cache-Control"] == "no-store"
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines[0].startswith("sequence,id,occurred_at,verb,")
    assert len(lines) == 6


def test_asking_for_the_head_of_an_export_gives_no_body(api: Api) -> None:
    response = api.send("HEAD", f"{EVENTS}/export", None)

    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Type"] == "application/jsonl; charset=utf-8"


def test_an_export_in_another_format_is_refused(api: Api) -> None:
    told = read(api.get(f"{EVENTS}/export?format=xlsx"), 400)

    assert told["details"][0]["location"] == "query.format"


def test_the_head_can_be_kept_elsewhere(api: Api, northwind: Organization) -> None:
    head = read(api.get(f"{EVENTS}/head"))["data"]

    assert (head["organization"], head["sequence"]) == (northwind.uid, 5)
    assert head["seal"] == Event.objects.get(sequence=5).seal
    assert json.dumps(head)


def test_another_organizations_event_does_not_exist(api: Api, southwind: Organization) -> None:
    theirs = Event.objects.filter(org=southwind)[0]

    assert read(api.get(f"{EVENTS}/{theirs.uid}"), 404)["code"] == "not_found"
    assert len(read(api.get(f"{EVENTS}?limit=100"))["data"]) == 5
