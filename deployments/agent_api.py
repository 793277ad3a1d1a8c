"""What agents say: hello, heartbeats, and the life of their jobs. Polls wait in `live`.

docs/agent-protocol.md is the contract. Every call may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from agents import protocol
from agents import services as agents_services
from agents.auth import authenticate_agent
from agents.models import Agent
from deployments.models import JobState
from deployments.services import jobs, logs
from hydra.api.parsing import parse_object
from hydra.crash import crashpoint
from hydra.errors import Invalid, Refused

BEARER = "Bearer "
MAX_JOBS = 64
MOST = 2**53  # of offsets and fences: what JSON carries exactly
MOST_STEPS = 10_000
MOST_MS = 366 * 24 * 3600 * 1000


class TooLarge(Refused):
    code = "too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self) -> None:
        super().__init__("The body is longer than 1 MiB: send it in pieces.")


class ProtocolTooOld(Refused):
    code = protocol.TOO_OLD
    status = 426


@dataclass(frozen=True)
class Ask:
    """One call of an agent that was recognized; `body` is empty where bytes were sent."""

    agent: Agent
    request: HttpRequest
    body: dict[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.body.get(name, default)
        if not isinstance(value, str):
            raise Invalid.at(name, f"{name} must be a text.")
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        value = self.body.get(name, default)
        return whole_in({name: value}, name)

    def rows(self, name: str) -> list[dict[str, Any]]:
        value = self.body.get(name, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise Invalid.at(name, f"{name} must be a list of objects.")
        return value


Call = Callable[..., dict[str, Any]]


def agent_call(method: str) -> Callable[[Call], Callable[..., HttpResponse]]:
    """The gate of agents: a live key, and for all but hello the newest session."""

    def gate(view: Call) -> Callable[..., HttpResponse]:
        @wraps(view)
        def entered(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            agent = authenticate_agent(bearer_token(request))
            body = read_json(request) if method == "POST" else {}
            ask = Ask(agent, request, body)
            if view is not hello:
                session = body.get("session") or request.GET.get("session", "")
                agents_services.require_session(agent, str(session))
                agents_services.note_seen(agent)
            return JsonResponse(view(ask, **kwargs))

        return csrf_exempt(login_not_required(require_http_methods([method])(entered)))

    return gate


def bearer_token(request: HttpRequest) -> str:
    header = request.headers.get("Authorization", "")
    return header[len(BEARER) :] if header.startswith(BEARER) else ""


def read_json(request: HttpRequest) -> dict[str, Any]:
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise TooLarge from error
    return parse_object(body)


def hello(ask: Ask) -> dict[str, Any]:
    """An agent has started: its session is the one from now on."""
    if ask.whole("protocol", 0) != protocol.PROTOCOL:
        raise ProtocolTooOld(
            f"This server speaks version {protocol.PROTOCOL} of the agent protocol: "
            f"install the agent from {settings.HYDRA_URL}{protocol.DOWNLOAD}."
        )
    try:
        session = UUID(ask.text("session"))
    except ValueError as error:
        raise Invalid.at("session", "session must be a UUID.") from error
    policy = ask.body.get("policy")
    greeting = agents_services.Greeting(
        session=session,
        version=ask.text("version", ""),
        platform=ask.text("platform", ""),
        hostname=ask.text("hostname", ""),
        max_jobs=min(max(ask.whole("max_jobs", 4), 1), MAX_JOBS),
        policy=policy if isinstance(policy, dict) else {},
    )
    agents_services.greet(ask.agent, greeting)
    ask.agent.session = session
    tickets = [protocol.HeldJob(**row) for row in map(held, ask.rows("jobs"))]
    return {
        "agent": {"id": ask.agent.uid, "name": ask.agent.name},
        "poll_url": settings.HYDRA_LIVE_URL + protocol.POLL,
        "heartbeat_s": settings.HYDRA_HEARTBEAT_SECONDS,
        "lease_s": settings.HYDRA_LEASE_SECONDS,
        "poll_s": settings.HYDRA_POLL_SECONDS,
        "jobs": jobs.held_by(ask.agent, tickets=tickets),
        "clock": time.time(),
    }


def held(row: dict[str, Any]) -> protocol.HeldJob:
    if row.get("state") not in protocol.HELD_STATES:
        raise Invalid.at("jobs", f"state must be one of {', '.join(protocol.HELD_STATES)}.")
    return protocol.HeldJob(id=text_in(row, "id"), fence=whole_in(row, "fence"), state=row["state"])


def text_in(row: dict[str, Any], name: str, default: str | None = None) -> str:
    value = row.get(name, default)
    if not isinstance(value, str):
        raise Invalid.at(name, f"{name} must be a text.")
    return value


def whole_in(
    row: dict[str, Any], name: str, *, least: int = 0, most: int = MOST, default: int | None = None
) -> int:
    value = row.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Invalid.at(name, f"{name} must be a whole number from {least} to {most}.")
    return value


@agent_call("POST")
def heartbeat(ask: Ask) -> dict[str, Any]:
    running = [(text_in(row, "id"), whole_in(row, "fence")) for row in ask.rows("running")]
    return {
        "jobs": [renewed(job) for job in jobs.renew_all(ask.agent, held=running)],
        "clock": time.time(),
    }


def renewed(job: jobs.Held) -> protocol.RenewedJob:
    if job.is_fenced:
        return {"id": job.uid, "fenced": True}
    return {"id": job.uid, "lease_s": settings.HYDRA_LEASE_SECONDS, "cancel": job.is_canceled}


@agent_call("POST")
def start(ask: Ask, job: str) -> dict[str, Any]:
    jobs.start(ask.agent, job_uid=job, fence=ask.whole("fence"))
    crashpoint("start.after_commit")
    return {"lease_s": settings.HYDRA_LEASE_SECONDS}


@agent_call("POST")
def report(ask: Ask, job: str) -> dict[str, Any]:
    is_canceled = jobs.report(
        ask.agent, job_uid=job, fence=ask.whole("fence"), steps=step_reports(ask)
    )
    return {"cancel": is_canceled, "lease_s": settings.HYDRA_LEASE_SECONDS}


def step_reports(ask: Ask) -> list[protocol.StepReport]:
    """The steps that were sent, each whole and within what the database and a page can hold."""
    reports = [step_report(row) for row in ask.rows("steps")]
    if len({report["position"] for report in reports}) < len(reports):
        raise Invalid.at("steps", "Each step stands in a report once.")
    return reports


def step_report(row: dict[str, Any]) -> protocol.StepReport:
    state = row.get("state")
    if state not in protocol.STEP_STATES:
        raise Invalid.at("steps", f"state must be one of {', '.join(protocol.STEP_STATES)}.")
    log_from = whole_in(row, "log_from", default=0)
    return protocol.StepReport(
        position=whole_in(row, "position", most=MOST_STEPS),
        state=state,
        attempt=whole_in(row, "attempt", most=MOST_STEPS, default=1),  # 0: it never began
        exit_code=known(row, "exit_code", least=-(2**31), most=2**31 - 1),
        started_after_ms=known(row, "started_after_ms", most=MOST_MS),
        duration_ms=known(row, "duration_ms", most=MOST_MS),
        log_from=log_from,
        log_to=whole_in(row, "log_to", least=log_from, default=log_from),
        reason=text_in(row, "reason", ""),
    )


def known(row: dict[str, Any], name: str, *, least: int = 0, most: int) -> int | None:
    return None if row.get(name) is None else whole_in(row, name, least=least, most=most)


@agent_call("PUT")
def log(ask: Ask, job: str) -> dict[str, Any]:
    query = ask.request.GET
    try:
        content = ask.request.body
    except RequestDataTooBig as error:
        raise TooLarge from error
    logs.check_crc(content, query.get("crc32", ""))
    next_offset, is_canceled = logs.append(
        ask.agent,
        job_uid=job,
        fence=number(query.get("fence", ""), "fence"),
        offset=number(query.get("offset", ""), "offset"),
        content=content,
    )
    crashpoint("log.after_commit")
    return {"next_offset": next_offset, "cancel": is_canceled}


def number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid.at(name, f"{name} must be a whole number of at least 0.")
    return int(text)


@agent_call("POST")
def finish(ask: Ask, job: str) -> dict[str, Any]:
    outcome = ask.text("outcome")
    if outcome not in protocol.OUTCOMES:
        raise Invalid.at("outcome", f"outcome must be one of {', '.join(protocol.OUTCOMES)}.")
    ending = jobs.Ending(
        outcome=JobState(outcome), reason=ask.text("reason", ""), steps=step_reports(ask)
    )
    jobs.finish(ask.agent, job_uid=job, fence=ask.whole("fence"), ending=ending)
    crashpoint("finish.after_commit")
    return {"accepted": True}


greet = agent_call("POST")(hello)
