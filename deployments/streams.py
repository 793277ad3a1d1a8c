"""What readers are told as it happens. `live` waits; this looks.

Open pages hear server-sent events. A deployment's stream tells `state`, `steps`, `log` (after a
`skip`, if it begins late) and at last `end`; an organization's tells `deployment` for each one that
changed. A program that follows a log gets its bytes. Every look finds reader and rows anew.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import MutableMapping
from datetime import datetime, timedelta
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode

from django.conf import settings
from django.contrib.auth import get_user
from django.core import signing
from django.http import Http404, HttpRequest
from django.utils import timezone

from deployments.models import FINISHED, JOB_FINISHED, Deployment, Job, StepRun
from deployments.services import logs, queues
from hydra.errors import NotFound, Refused
from hydra.sessions import SessionStore
from orgs import auth
from orgs.access import Access, Right, access_of
from orgs.models import Event

LOG_BYTES = 256 * 1024
PING = b": still here\n\n"
EVENTS = {"Content-Type": "text/event-stream; charset=utf-8"}

FOLLOW = "/live/log"
TICKET_SECONDS = 60
TICKET_SALT = "deployments.follow"


class Stream(Protocol):
    """A source of events for one reader."""

    channel: str
    key: str
    is_over: bool
    has_more: bool
    headers: dict[str, str]

    def look(self) -> bytes:
        """What is new since the last look. May refuse."""


def reader_access(scope: MutableMapping[str, Any], org_slug: str) -> Access:
    """The access of whoever's session cookie came with the request; 404 as on any page."""
    request = HttpRequest()
    request.COOKIES = cookies(scope)
    request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    request.user = get_user(request)  # checks the session against the password of now
    try:
        return access_of(request, org_slug)
    except Http404 as error:
        raise NotFound("There is nothing here.") from error


def cookies(scope: MutableMapping[str, Any]) -> dict[str, str]:
    text = "; ".join(v.decode("latin-1") for k, v in scope["headers"] if k == b"cookie")
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}


def event(name: str, body: object, *, event_id: str = "") -> bytes:
    """One server-sent event; JSON has no line breaks, so one data line is enough."""
    prefix = f"id: {event_id}\n" if event_id else ""
    return f"{prefix}event: {name}\ndata: {json.dumps(body, separators=(',', ':'))}\n\n".encode()


class DeploymentStream:
    """One deployment's page: state, steps of all agents, and the log of one of them."""

    channel = "deployment"
    headers = EVENTS

    def __init__(self, scope: MutableMapping[str, Any], uid: str) -> None:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        last_id = next((v for k, v in scope["headers"] if k == b"last-event-id"), b"")
        resumed = last_id.decode("latin-1") or query.get("after", ["0"])[0]
        self.scope = scope
        self.key = uid
        self.job_uid = query.get("job", [""])[0]
        self.log = LogReader(number(resumed), newest=number(query.get("newest", ["0"])[0]))
        self.is_over = False
        self.has_more = False
        self.last_state: object = None
        self.last_steps: object = None

    def look(self) -> bytes:
        deployment = self.find()
        jobs = list(
            Job.objects.filter(deployment=deployment)
            .select_related("agent")
            .prefetch_related("step_runs")
            .order_by("pk")
        )
        news = self.state_news(deployment) + self.steps_news(deployment, jobs)
        job = next((j for j in jobs if self.job_uid in ("", j.uid)), None)
        is_log_whole = True
        if job is not None:
            news += self.log.news(job)
            self.has_more = self.log.has_more
            is_log_whole = job.state in JOB_FINISHED and self.log.position >= job.log_size
        if deployment.state in FINISHED and is_log_whole:
            self.is_over = True
            news += event("end", {"id": deployment.uid, "state": deployment.state})
        return news or PING

    def find(self) -> Deployment:
        deployment = (
            Deployment.objects.select_related(
                "org", "target__head__version", "version", "project", "environment", "snapshot"
            )
            .defer("snapshot__content_sealed")
            .filter(uid=self.key)
            .first()
        )
        if deployment is None:
            raise NotFound("There is nothing here.")
        access = reader_access(self.scope, deployment.org.slug)
        access.require(Right.DEPLOYMENT_READ, deployment.project.uid)
        return deployment

    def state_news(self, deployment: Deployment) -> bytes:
        state = {
            "id": deployment.uid,
            "state": deployment.state,
            "label": deployment.get_state_display(),
            "reason": queues.waiting_sentence(deployment),
            "started_at": stamp(deployment.started_at),
            "finished_at": stamp(deployment.finished_at),
            "can_cancel": deployment.can_be_canceled,
        }
        if state == self.last_state:
            return b""
        self.last_state = state
        return event("state", {**state, "now": stamp(timezone.now())})

    def steps_news(self, deployment: Deployment, jobs: list[Job]) -> bytes:
        planned = deployment.snapshot.summary.get("steps", [])
        steps = [row for job in jobs for row in steps_of(job, planned)]
        if steps == self.last_steps:
            return b""
        self.last_steps = steps
        return event("steps", steps)


class LogReader:
    """Reads on in the log of one job, in text whose bytes the page can count.

    A byte that is no UTF-8 becomes a lone surrogate, which stands for that one byte; a character
    that is cut by the end of what there is comes with the next piece. So a position is always a
    boundary of characters, and whoever lost the connection goes on from it without a gap.
    """

    def __init__(self, position: int, *, newest: int = 0) -> None:
        self.position = position
        self.newest = newest
        self.has_more = False

    def news(self, job: Job) -> bytes:
        news = b""
        if self.newest and self.position == 0 and job.log_size > self.newest:
            news = self.skip(job)
        content = logs.read(job, after=self.position, limit=LOG_BYTES)
        self.has_more = len(content) == LOG_BYTES
        is_end = job.state in JOB_FINISHED and self.position + len(content) >= job.log_size
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        text = decoder.decode(content, final=is_end)
        if not text:
            return news
        start = self.position
        self.position += len(content) - len(decoder.getstate()[0])
        body = {"job": job.uid, "offset": start, "next": self.position, "text": text}
        return news + event("log", body, event_id=str(self.position))

    def skip(self, job: Job) -> bytes:
        """Begin with the first whole line of the newest bytes, and say what was left out."""
        start = job.log_size - self.newest
        line_end = logs.read(job, after=start, limit=LOG_BYTES).find(b"\n")
        self.position = start + line_end + 1
        lines = count_lines(job, until=self.position)
        return event("skip", {"offset": self.position, "lines": lines})


def count_lines(job: Job, *, until: int) -> int:
    """How many lines a page shows for the first bytes: where a step begins, so does a line."""
    begins = {run.log_from for run in job.step_runs.all() if run.log_to != run.log_from}
    lines, position, last = 0, 0, b"\n"
    for piece in logs.pieces(job.pk, after=0, until=until):
        lines += piece.count(b"\n")
        for begin in begins:
            if begin is not None and position <= begin < position + len(piece):
                before = piece[begin - position - 1 : begin - position] or last
                lines += before != b"\n"
        position, last = position + len(piece), piece[-1:]
    return lines


def number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def steps_of(job: Job, planned: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every step of a job, whether it has begun or not."""
    runs: dict[int, StepRun] = {run.position: run for run in job.step_runs.all()}
    rows = []
    for step in planned:
        run = runs.get(step["position"])
        rows.append(
            {
                "job": job.uid,
                "agent": job.agent.name,
                "job_state": job.state,
                "position": step["position"],
                "name": step["name"],
                "state": run.state if run else never_ran(job),
                "started_at": stamp(began(job, run)) if run else None,
                "took_ms": run.duration_ms if run else None,
                "log_from": run.log_from if run else None,
                "log_to": run.log_to if run else None,
                "exit_code": run.exit_code if run else None,
                "reason": run.reason if run else "",
            }
        )
    return rows


def never_ran(job: Job) -> str:
    return "skipped" if job.state in JOB_FINISHED else "pending"


def began(job: Job, run: StepRun) -> datetime | None:
    if job.started_at is None or run.started_after_ms is None:
        return None
    return job.started_at + timedelta(milliseconds=run.started_after_ms)


def stamp(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


class OrgStream:
    """Lists and matrices of an organization: which deployments have changed."""

    channel = "org"
    headers = EVENTS
    has_more = False
    is_over = False

    def __init__(self, scope: MutableMapping[str, Any], slug: str) -> None:
        self.scope = scope
        self.slug = slug
        self.key = ""
        self.last_pk: int | None = None

    def look(self) -> bytes:
        access = reader_access(self.scope, self.slug)
        access.require(Right.DEPLOYMENT_READ)
        self.key = str(access.org.pk)
        log = Event.objects.in_org(access.org)
        if self.last_pk is None:
            self.last_pk = log.order_by("-pk").values_list("pk", flat=True).first() or 0
            return PING
        rows = list(
            log.filter(pk__gt=self.last_pk, subject_kind="deployment")
            .order_by("pk")
            .values_list("pk", "subject_uid", "data")[:200]
        )
        if not rows:
            return PING
        self.last_pk = rows[-1][0]
        newest = {uid: data.get("deployment", {}).get("state", "") for _, uid, data in rows}
        return b"".join(
            event("deployment", {"id": uid, "state": state}) for uid, state in newest.items()
        )


# --- A log that a program follows ----------------------------------------------------------------


class TicketRefused(Refused):
    """The address to follow a log at was made too long ago, or not by us."""

    code = "gone"
    status = HTTPStatus.GONE

    def __init__(self) -> None:
        super().__init__(
            "This address is good for a minute. Ask /api/v1/deployments/<id>/logs?follow=1 again."
        )


def address_to_follow(
    access: Access, deployment: Deployment, *, job: str, after: int, headers: dict[str, str]
) -> str:
    """Where the log is streamed to whoever was let in just now, who needs no key there.

    `headers` are what the API says on each of its answers, and the stream says again.
    """
    told = {
        "org": access.org.uid,
        "key": access.credential,
        "deployment": deployment.uid,
        "job": job,
        "after": after,
        "headers": headers,
    }
    ticket = signing.dumps(told, salt=TICKET_SALT, compress=True)
    return f"{settings.HYDRA_LIVE_URL}{FOLLOW}?{urlencode({'ticket': ticket})}"


class FollowedLog:
    """The bytes of one job's log as they come, until its deployment has ended."""

    channel = "deployment"

    def __init__(self, scope: MutableMapping[str, Any]) -> None:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        try:
            ticket = signing.loads(
                query.get("ticket", [""])[0], salt=TICKET_SALT, max_age=TICKET_SECONDS
            )
        except signing.BadSignature as error:
            raise TicketRefused from error
        self.reader: str = ticket["key"]
        self.org_uid: str = ticket["org"]
        self.key: str = ticket["deployment"]
        self.job_uid: str = ticket["job"]
        self.position: int = ticket["after"]
        self.headers: dict[str, str] = {
            "Content-Type": "text/plain; charset=utf-8",
            **ticket["headers"],
        }
        self.is_over = False
        self.has_more = False

    def look(self) -> bytes:
        access = auth.renew(self.reader, org_uid=self.org_uid)
        access.org.require_active()
        deployment = (
            Deployment.objects.in_org(access.org)
            .select_related("project")
            .filter(uid=self.key)
            .first()
        )
        if deployment is None:
            raise NotFound(f"There is no deployment {self.key}.")
        access.require(Right.DEPLOYMENT_READ, deployment.project.uid)
        jobs = deployment.jobs.all()
        job = (jobs.filter(uid=self.job_uid) if self.job_uid else jobs).first()
        content = logs.read(job, after=self.position, limit=LOG_BYTES) if job is not None else b""
        self.position += len(content)
        self.has_more = len(content) == LOG_BYTES
        is_whole = job is None or self.position >= job.log_size
        self.is_over = deployment.state in FINISHED and is_whole
        return content
