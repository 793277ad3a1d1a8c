"""`/api/v1/events`: the log of what happened, for programs that keep or watch it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.dateparse import parse_datetime

from hydra.api.answers import Moment, moment_or_none
from hydra.api.schema import PAGED, Operation, Query, data, described, page
from hydra.errors import Invalid, NotFound
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from orgs.models import Event, EventFilter
from orgs.models.verbs import GROUPS, verbs_like
from orgs.services import audits
from orgs.services.exports import FORMATS, EventShown, show_event

LONGEST = 300
FILTERS = (
    Query(
        "actor", "Id of who did it, its kind (user, key, agent, rule, system) or part of its name."
    ),
    Query("verb", "Such as `version.created`, or `version.*` for all of a kind."),
    Query("subject", "Id of what it was done to, or part of its name."),
    Query("from", "Not before this moment, ISO 8601."),
    Query("to", "Before this moment, ISO 8601."),
)
FORMAT = Query("format", "How the events are written.", enum=tuple(FORMATS))


class HeadShown(TypedDict):
    """Where the hash chain ends: keep it elsewhere, for `hydra verify-audit --head`."""

    organization: str
    slug: str
    sequence: int
    seal: str
    sealed_at: Moment | None


class EventViewSet(OrgViewSet):
    @described(
        Operation(
            name="listEvents",
            summary="List what happened, newest first",
            tag="Events",
            shows=page(EventShown),
            permission=permission(Right.AUDIT_READ),
            query=(*FILTERS, *PAGED),
        )
    )
    def list(self, request: HttpRequest) -> HttpResponse:
        self.require(Right.AUDIT_READ)
        rows = Event.objects.in_org(self.org).narrowed(wanted(request.GET))
        return self.show_page(rows, show_event)

    @described(
        Operation(
            name="getEvent",
            summary="Get one event",
            tag="Events",
            shows=data(EventShown),
            permission=permission(Right.AUDIT_READ),
        )
    )
    def retrieve(self, _request: HttpRequest, uid: str) -> HttpResponse:
        self.require(Right.AUDIT_READ)
        event = Event.objects.in_org(self.org).filter(uid=uid).first()
        if event is None:
            raise NotFound(f"There is no event {uid}.")
        return self.show(show_event(event))

    @described(
        Operation(
            name="exportEvents",
            summary="Stream all events that the filters leave, oldest first",
            tag="Events",
            shows={"type": "string", "description": "CSV with headings, or one event a line."},
            permission=permission(Right.AUDIT_READ),
            query=(FORMAT, *FILTERS),
        )
    )
    def export(self, request: HttpRequest) -> HttpResponseBase:
        self.require(Right.AUDIT_READ)
        named = request.GET.get("format", "jsonl")
        if named not in FORMATS:
            raise Invalid.at("query.format", f"format must be one of {', '.join(FORMATS)}.")
        rows = Event.objects.in_org(self.org).narrowed(wanted(request.GET))
        content_type, lines = FORMATS[named]
        return StreamingHttpResponse(lines(rows), content_type=content_type)

    @described(
        Operation(
            name="getEventsHead",
            summary="Get the head of the sealed log, to be kept elsewhere",
            tag="Events",
            shows=data(HeadShown),
            permission=permission(Right.AUDIT_READ),
        )
    )
    def head_of_chain(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.AUDIT_READ)
        head = audits.head_of(self.org)
        return self.show(
            HeadShown(
                organization=head["organization"],
                slug=head["slug"],
                sequence=head["sequence"],
                seal=head["seal"],
                sealed_at=moment_or_none(head["sealed_at"]),
            )
        )


def wanted(query: QueryDict) -> EventFilter:
    """The filter that the query asks for; what cannot be meant is refused, with its place."""
    return EventFilter(
        actor=text_of(query, "actor"),
        verbs=verbs_of(query),
        subject=text_of(query, "subject"),
        since=moment_of(query, "from"),
        until=moment_of(query, "to"),
    )


def text_of(query: QueryDict, name: str) -> str:
    text = query.get(name, "").strip()
    if (name in query and not text) or len(text) > LONGEST:
        raise Invalid.at(f"query.{name}", f"{name} has 1 to {LONGEST} characters.")
    return text


def verbs_of(query: QueryDict) -> tuple[str, ...]:
    if "verb" not in query:
        return ()
    verbs = verbs_like(query.get("verb", ""))
    if not verbs:
        groups = ", ".join(f"{group}.*" for group in GROUPS)
        raise Invalid.at(
            "query.verb", "There is no such verb.", f"Name one, or one of the kinds {groups}."
        )
    return verbs


def moment_of(query: QueryDict, name: str) -> datetime | None:
    if name not in query:
        return None
    text = query.get(name, "")
    try:
        # A plus that nobody encoded arrives as a space.
        at = parse_datetime(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        at = None
    if at is None or not 1 < at.year < 9999:  # what stays a year in every zone
        raise Invalid.at(f"query.{name}", f"{name} must be a moment such as 2026-01-31T12:00:00Z.")
    return at if at.tzinfo else at.replace(tzinfo=UTC)
