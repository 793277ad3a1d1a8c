"""Settings, Audit log: who may look, what the filters leave, what is told and what is exported."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orgs.models import SYSTEM, AuditSeal, Event, Organization, User
from orgs.services import audits, events, exports
from orgs.services.events import Subject
from orgs.views import audit
from tests import factories
from tests.conftest import signed_in
from tests.orgs.audit_log import happen, seal_all

pytestmark = pytest.mark.django_db

PAGE = "/o/northwind/settings/audit/"


@pytest.fixture
def org(northwind: Organization, olivia: User) -> Organization:
    """Three events: an environment in May, Olivia's project in June, a version in July."""
    Event.objects.all().delete()
    happen(northwind, 1)
    for verb, kind, label in (
        ("project.updated", "project", "Web Shop"),
        ("version.created", "version", "shop v1.0.0"),
    ):
        events.record(
            org=northwind,
            by=factories.actor_of(olivia) if kind == "project" else SYSTEM,
            verb=verb,
            subject=Subject(kind, f"{kind}_0123456789abcdef", label),
            data={"before": {"name": "Shop"}, "after": {"name": "Web Shop"}},
        )
    for month, event in enumerate(Event.objects.order_by("pk"), 5):
        at = datetime(2026, month, 10, 12, 0, tzinfo=UTC)
        Event.objects.filter(pk=event.pk).update(created_at=at)
    events.number_events()
    return northwind


def verbs_shown(user: User, query: str = "") -> list[str]:
    response = signed_in(user).get(PAGE + query)
    assert response.status_code == 200
    return [event.verb for event in response.context["events"]]


def text(response: Any) -> str:
    told: str = response.content.decode()
    return told


ALL = ["version.created", "project.updated", "environment.created"]


def test_the_newest_stands_first(org: Organization, olivia: User) -> None:
    assert verbs_shown(olivia) == ALL


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("?actor=Olivia", ["project.updated"]),
        ("?actor=olivia owner", ["project.updated"]),
        ("?actor=user", ["project.updated"]),
        ("?actor=system", ["version.created", "environment.created"]),
        ("?actor=nobody", []),
        ("?verb=project.updated", ["project.updated"]),
        ("?verb=version.*", ["version.created"]),
        ("?kind=environment", ["environment.created"]),
        ("?subject=shop", ["version.created", "project.updated"]),
        ("?subject=project_0123456789abcdef", []),  # no id of ours, and no part of a name
        ("?since=2026-06-10T12:00", ["version.created", "project.updated"]),
        ("?until=2026-06-10T12:00", ["environment.created"]),
        ("?since=2026-06-10T12:00&zone=Asia/Tokyo", ["version.created", "project.updated"]),
        ("?since=2026-06-10T13:00&zone=Asia/Tokyo", ["version.created", "project.updated"]),
        ("?since=2026-06-10T21:01&zone=Asia/Tokyo", ["version.created"]),
        ("?since=2026-06-10T13:00&zone=No/Where", ["version.created"]),
        ("?since=2026-06-10T12:00&until=2026-07-01T00:00&verb=project.*", ["project.updated"]),
    ],
)
def test_filters_leave_what_fits_all_of_them(
    org: Organization, olivia: User, query: str, left: list[str]
) -> None:
    assert verbs_shown(olivia, query) == left


def test_an_actor_and_a_subject_are_found_by_their_ids(org: Organization, olivia: User) -> None:
    Event.objects.filter(verb="version.created").update(subject_uid="ver_0123456789abcdef")

    assert verbs_shown(olivia, f"?actor={olivia.uid}") == ["project.updated"]
    assert verbs_shown(olivia, "?subject=ver_0123456789abcdef") == ["version.created"]


def test_a_moment_in_the_organizations_zone_is_meant_without_a_script(
    org: Organization, olivia: User
) -> None:
    Organization.objects.update(time_zone="Asia/Tokyo")

    assert verbs_shown(olivia, "?since=2026-06-10T21:01") == ["version.created"]


@pytest.mark.parametrize(
    "query", ["?since=tomorrow", "?verb=version.exploded", "?until=0000-01-01"]
)
def test_a_filter_that_means_nothing_is_refused_on_the_page_and_exports_nothing(
    org: Organization, olivia: User, query: str
) -> None:
    client = signed_in(olivia)

    assert client.get(PAGE + query).status_code == 422
    exported = client.get(f"{PAGE}export/csv/{query}")
    assert exported.status_code == 422
    assert not exported.streaming


def test_older_events_stand_on_the_next_page_which_asks_for_as_few_rows(
    org: Organization, olivia: User
) -> None:
    for number in range(60):
        happen(org, number)
    client = signed_in(olivia)

    first = client.get(f"{PAGE}?actor=system")
    older = client.get(f"{PAGE}?actor=system&before={first.context['next_before']}")

    seen = [*first.context["events"], *older.context["events"]]
    assert len(first.context["events"]) == 50
    assert [event.pk for event in seen] == list(
        Event.objects.filter(actor_kind="system").order_by("-pk").values_list("pk", flat=True)
    )
    assert older.context["next_before"] is None


@pytest.mark.parametrize(
    "query", ["?actor=Olivia", "?subject=shop", "?kind=project", "?actor=user", "?verb=project.*"]
)
def test_what_no_index_finds_is_searched_for_one_stretch_after_the_other(
    org: Organization, olivia: User, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    found = verbs_shown(olivia, query)
    has_index = "verb" in query
    monkeypatch.setattr(audit, "MOST_READ", 2)
    for number in range(2, 7):
        happen(org, number)  # newer than what is looked for

    pages, address = [], PAGE + query
    while address:
        shown = signed_in(olivia).get(address)
        pages.append([event.verb for event in shown.context["events"]])
        assert len(pages[-1]) <= 2 or has_index
        further = re.search(
            r'href="([^"]+)"[^>]*>(?:<svg.*?</svg>)?Search further back', text(shown)
        )
        address = PAGE + unescape(further[1]) if further else ""

    assert [verb for page in pages for verb in page] == found
    assert len(pages) == (1 if has_index else 4)
    assert has_index or "Not found yet" in text(signed_in(olivia).get(PAGE + query))


def test_a_page_that_found_all_it_shows_searches_no_further(
    org: Organization, olivia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST_READ", 3)
    monkeypatch.setattr(audit, "PER_PAGE", 1)

    shown = text(signed_in(olivia).get(PAGE + "?kind=project"))

    assert "Search further back" not in shown
    assert "Older" not in shown


def test_the_page_asks_as_much_for_many_events_as_for_few(org: Organization, olivia: User) -> None:
    client = signed_in(olivia)
    client.get(PAGE)

    def asked() -> int:
        with CaptureQueriesContext(connection) as context:
            client.get(f"{PAGE}?verb=environment.*&actor=system")
        return len(context)

    few = asked()
    for number in range(60):
        happen(org, number)
    assert asked() == few <= 9


def test_an_event_shows_what_was_before_and_what_came_after(
    org: Organization, olivia: User
) -> None:
    event = Event.objects.get(verb="project.updated")

    page = signed_in(olivia).get(f"{PAGE}{event.uid}/")

    assert page.context["changes"] == [("name", "Shop", "Web Shop")]
    assert page.context["address"] is None
    assert "Olivia Owner" in page.content.decode()


def test_an_event_leads_to_its_subject_as_long_as_that_exists(
    northwind: Organization, olivia: User
) -> None:
    project = factories.make_project(northwind, "Shop")
    event = events.record(
        org=northwind,
        by=SYSTEM,
        verb="project.updated",
        subject=Subject("project", project.uid, project.name),
    )
    client = signed_in(olivia)

    assert client.get(f"{PAGE}{event.uid}/").context["address"] == "/o/northwind/projects/shop/"
    project.delete()
    assert client.get(f"{PAGE}{event.uid}/").context["address"] is None


def test_every_kind_of_subject_is_found_or_said_to_be_gone(northwind: Organization) -> None:
    from orgs.services import subjects  # noqa: PLC0415  # filled when Django is ready

    assert [subjects.address_of(northwind, kind=kind, uid="x") for kind in subjects.kinds()] == [
        None
    ] * len(subjects.kinds())
    assert len(subjects.kinds()) >= 12


def test_verifying_says_how_far_all_is_well(org: Organization, olivia: User) -> None:
    seal_all()

    response = signed_in(olivia).post(f"{PAGE}verify/")

    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "Verified up to event 3."
    ]
    assert AuditSeal.objects.get(org=org).verified_sequence == 3


def test_a_fault_is_a_warning_on_the_page(org: Organization, olivia: User) -> None:
    seal_all()
    Event.objects.filter(org=org, sequence=2).update(actor_label="Nobody")

    page = signed_in(olivia).post(f"{PAGE}verify/", follow=True).content.decode()

    assert "The log was tampered with" in page
    assert "was edited: it is not what was sealed." in page


# --- Export ----------------------------------------------------------------------------------


def exported(user: User, form: str, query: str = "") -> str:
    response: Any = signed_in(user).get(f"{PAGE}export/{form}/{query}")
    assert response.status_code == 200
    assert response.streaming
    return b"".join(response.streaming_content).decode()


def test_an_export_as_csv_holds_what_the_filters_leave_oldest_first(
    org: Organization, olivia: User
) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(olivia, "csv", "?subject=shop"))))

    assert [row["verb"] for row in rows] == ["project.updated", "version.created"]
    assert rows[0]["occurred_at"] == "2026-06-10T12:00:00Z"
    assert json.loads(rows[0]["data"])["after"] == {"name": "Web Shop"}


def test_an_export_as_json_lines_is_what_the_api_shows(org: Organization, olivia: User) -> None:
    lines = exported(olivia, "jsonl").splitlines()

    assert [json.loads(line) for line in lines] == [
        exports.show_event(event) for event in Event.objects.order_by("pk")
    ]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(org: Organization, olivia: User, first: str) -> None:
    evil = f"{first}HYPERLINK(1)"
    Event.objects.update(subject_label=evil, actor_label=evil, request_id=evil)

    [row, *_] = csv.DictReader(io.StringIO(exported(olivia, "csv"), newline=""))

    assert (row["subject"], row["actor"], row["request_id"]) == (f"'{evil}",) * 3


def test_an_export_reads_in_batches_of_its_own_statements(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "EXPORT_BATCH", 2)
    rows = Event.objects.in_org(org)

    lines = exports.json_lines(rows)
    first = next(lines)
    with CaptureQueriesContext(connection) as context:
        rest = list(lines)

    assert [json.loads(line)["sequence"] for line in [first, *rest]] == [1, 2, 3]
    assert len(context) == 1


def test_what_happens_meanwhile_is_not_waited_for(org: Organization) -> None:
    lines = exports.json_lines(Event.objects.in_org(org))

    got = [next(lines)]
    happen(org, 9)
    got += lines

    assert len(got) == 3


def test_the_exported_head_is_what_the_command_takes(org: Organization, olivia: User) -> None:
    seal_all()

    response = signed_in(olivia).get(f"{PAGE}head/")

    head = json.loads(response.content)
    kept = audits.Head(head["organization"], head["sequence"], head["seal"])
    assert audits.verify(org, exported=kept) == audits.Verdict(org, 3)
    assert response["Content-Disposition"] == 'attachment; filename="northwind-head-3.json"'


def test_there_is_no_other_format(org: Organization, olivia: User) -> None:
    assert signed_in(olivia).get(f"{PAGE}export/xlsx/").status_code == 404
