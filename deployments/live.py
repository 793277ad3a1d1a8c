"""What waits: parked polls of agents, and the event streams of open pages.

Pure ASGI, everything below `/live/`. Who waits holds no thread and no database connection; the
database is asked in a few threads when a hint came, or at the latest when a sweep finds work.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from agents import services as agents_services
from agents.auth import authenticate_agent
from agents.protocol import POLL, PollAnswer
from deployments import streams
from deployments.models import Job
from deployments.services import jobs, offers
from hydra import hints, keys
from hydra.api.parsing import parse_object
from hydra.errors import Invalid, NotFound, Refused
from hydra.raw_http import (
    Headers,
    Receive,
    Scope,
    Send,
    answer_json,
    answer_refusal,
    bearer_token,
    guards,
    hang_up,
    header,
    read_body,
    require_host,
)
from hydra.requests import new_request_id

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

DATABASE_THREADS = 6
MOST_KNOWN = 20_000
POLL_BYTES = 64 * 1024
SWEEP_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 2.0  # what an open page waits at most, should every hint be lost
GATHER_SECONDS = 0.1  # several changes at once are one look
MOST_FOLLOWED = 100  # logs that one key follows at a time, in each process


class TooManyFollowed(Refused):
    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__(f"This key follows {MOST_FOLLOWED} logs already. Leave one of them first.")


class Hub:
    """Who waits for what, in this process. Hints arrive from other threads."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[str, str], set[asyncio.Event]] = {}
        self.known: dict[str, tuple[int, str]] = {}
        self.parked: dict[int, tuple[str, set[asyncio.Event]]] = {}
        self.followed: Counter[str] = Counter()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.pool: ThreadPoolExecutor | None = None
        self.unlisten: Callable[[], None] | None = None
        self.sweeper: asyncio.Task[None] | None = None

    def open(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.pool = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="live")
        self.unlisten = hints.listen(self.hear)
        self.sweeper = self.loop.create_task(self.sweep())

    def close(self) -> None:
        if self.unlisten is not None:
            self.unlisten()
        if self.sweeper is not None:
            self.sweeper.cancel()
        for events in self.waiting.values():
            for event in events:
                event.set()
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)
        self.loop = self.pool = None

    def hear(self, channel: str, key: str) -> None:
        if self.loop is None or self.loop.is_closed():
            return
        if channel == hints.EVERYTHING:
            self.loop.call_soon_threadsafe(self.wake_all)
        elif (channel, key) in self.waiting:
            self.loop.call_soon_threadsafe(self.wake, channel, key)

    def wake(self, channel: str, key: str) -> None:
        for event in self.waiting.get((channel, key), ()):
            event.set()

    def wake_all(self) -> None:
        for channel, key in list(self.waiting):
            self.wake(channel, key)

    def add(self, channel: str, key: str) -> asyncio.Event:
        event = asyncio.Event()
        self.waiting.setdefault((channel, key), set()).add(event)
        return event

    def remember(self, token: str, agent: tuple[int, str]) -> tuple[int, str]:
        """Whose key it is, for the next poll; whether it is still good is asked at every look."""
        if len(self.known) >= MOST_KNOWN:
            self.known.clear()
        self.known[keys.digest(token)] = agent
        return agent

    def remove(self, channel: str, key: str, event: asyncio.Event) -> None:
        events = self.waiting.get((channel, key), set())
        events.discard(event)
        if not events:
            self.waiting.pop((channel, key), None)

    async def ask(self, question: Callable[..., Result], *args: Any) -> Result:
        """Run what asks the database in one of a few threads."""
        if self.loop is None:
            self.open()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, in_thread, question, args)

    async def sweep(self) -> None:
        """Every second one query for all parked agents, so that a lost hint costs a second."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            if not self.parked:
                continue
            try:
                for agent_pk in await self.ask(agents_with_work, list(self.parked)):
                    uid, _ = self.parked.get(agent_pk, ("", set()))
                    self.wake("agent", uid)
            except DatabaseError as error:
                log.warning("the sweep for parked agents waits for the database", error=str(error))


def in_thread(question: Callable[..., Result], args: tuple[Any, ...]) -> Result:
    close_old_connections()
    try:
        return question(*args)
    finally:
        close_old_connections()


def agents_with_work(agent_pks: list[int]) -> set[int]:
    ready = set(Job.objects.ready_for(agent_pks).values_list("agent_id", flat=True))
    return ready | {agent_pk for agent_pk, _ in jobs.canceled_jobs(agent_ids=agent_pks)}


hub = Hub()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    if scope["type"] != "http":
        return
    request_id = new_request_id()
    try:
        await route(scope, receive, send, request_id)
    except Refused as refused:
        await answer_refusal(send, refused, request_id)
    except DatabaseError as error:
        log.warning("the database is away", error=str(error), request_id=request_id)
        body = {"error": "The database is away.", "code": "unavailable", "retry_in": 2.0}
        await answer_json(send, HTTPStatus.SERVICE_UNAVAILABLE, {**body, "request_id": request_id})


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            hub.open()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            hub.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def route(scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
    path, method = scope["path"], scope["method"]
    require_host(scope)
    if "\0" in path:
        raise NotFound("There is nothing here.")
    if path == POLL and method == "POST":
        await poll(scope, receive, send, request_id)
        return
    if path == "/live/healthz":
        await answer_json(send, HTTPStatus.OK, {"status": "ok"})
    elif path == streams.FOLLOW and method == "GET":
        await follow(scope, receive, send)
    elif method == "GET" and (source := page_stream(scope)) is not None:
        await stream(scope, receive, send, source)
    else:
        raise NotFound("There is nothing here.")


# --- Polls -------------------------------------------------------------------------------------


async def poll(scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
    """Answer at once when there is something to say, else park until there is, or time is up."""
    token = bearer_token(scope)
    asked, wait_seconds = read_poll(await read_body(receive, most_bytes=POLL_BYTES))
    agent, found = hub.known.get(keys.digest(token)), None
    if agent is None:
        agent_pk, agent_uid, found = await hub.ask(look, token, asked)
        agent = hub.remember(token, (agent_pk, agent_uid))
    if found is None:
        found = await park(receive, token, asked, agent=agent, wait=wait_seconds)
    if found is GONE:
        return
    await answer_json(send, HTTPStatus.OK, dict(found or {"job": None, "cancel": []}), request_id)


GONE: PollAnswer = {}


async def park(
    receive: Receive, token: str, asked: offers.Poll, *, agent: tuple[int, str], wait: float
) -> PollAnswer | None:
    agent_pk, agent_uid = agent
    event = hub.add("agent", agent_uid)
    hub.parked.setdefault(agent_pk, (agent_uid, set()))[1].add(event)
    left = asyncio.ensure_future(hang_up(receive))
    ends = time.monotonic() + wait
    try:
        # Only now, or a hint between the look and the waiting would find nobody. It is the first
        # look for an agent that has polled before.
        _, _, found = await hub.ask(look, token, asked)
        while found is None and (seconds := ends - time.monotonic()) > 0:
            waking = asyncio.ensure_future(event.wait())
            await asyncio.wait({waking, left}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()
            if left.done():
                return GONE
            if not event.is_set():
                return None
            event.clear()
            _, _, found = await hub.ask(look, token, asked)
        return found
    finally:
        left.cancel()
        hub.remove("agent", agent_uid, event)
        _, events = hub.parked[agent_pk]
        events.discard(event)
        if not events:
            del hub.parked[agent_pk]


def look(token: str, asked: offers.Poll) -> tuple[int, str, PollAnswer | None]:
    """Recognize the agent anew, so that a revoked key ends here, and see what there is for it."""
    agent = authenticate_agent(token)
    agents_services.require_session(agent, asked.session)
    agents_services.note_seen(agent)
    return agent.pk, agent.uid, offers.answer(agent, asked)


def read_poll(body: bytes | None) -> tuple[offers.Poll, float]:
    if body is None:
        raise Invalid.at("body", f"A poll has at most {POLL_BYTES} bytes.")
    ask = parse_object(body)
    free, wait = ask.get("free", 1), ask.get("wait_s", settings.HYDRA_POLL_SECONDS)
    if not isinstance(free, int) or not isinstance(wait, int | float):
        raise Invalid.at("free", "free and wait_s must be numbers.")
    asked = offers.Poll(
        session=str(ask.get("session", "")),
        free=free,
        running=words(ask.get("running", [])),
        canceling=words(ask.get("canceling", [])),
    )
    return asked, float(min(max(wait, 0), settings.HYDRA_POLL_SECONDS))


def words(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise Invalid.at("running", "running and canceling must be lists of ids.")
    return value


# --- Streams -----------------------------------------------------------------------------------


def page_stream(scope: Scope) -> streams.Stream | None:
    """What an open page asks for, by its address."""
    match scope["path"].strip("/").split("/"):
        case ["live", "deployments", uid, "stream"]:
            return streams.DeploymentStream(scope, uid)
        case ["live", "orgs", slug, "events"]:
            return streams.OrgStream(scope, slug)
    return None


async def stream(scope: Scope, receive: Receive, send: Send, source: streams.Stream) -> None:
    """Send what is new whenever something is, until the source ends or the reader leaves.

    Access is looked up again at every look, so that whoever lost it is cut off within seconds.
    """
    first = await hub.ask(source.look)  # refuses before the answer begins
    headers = stream_headers(scope, source.headers)
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    event = hub.add(source.channel, source.key)
    left = asyncio.ensure_future(hang_up(receive))
    try:
        await send({"type": "http.response.body", "body": first, "more_body": True})
        while not source.is_over and not left.done():
            if not source.has_more:
                await wait_for_news(event, left)
            if left.done():
                return
            event.clear()
            news = await hub.ask(source.look)
            await send({"type": "http.response.body", "body": news, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except Refused:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        left.cancel()
        hub.remove(source.channel, source.key, event)


async def wait_for_news(event: asyncio.Event, left: asyncio.Future[None]) -> None:
    waking = asyncio.ensure_future(event.wait())
    both: set[asyncio.Future[Any]] = {waking, left}
    await asyncio.wait(both, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    waking.cancel()
    if event.is_set():
        await asyncio.sleep(GATHER_SECONDS)


async def follow(scope: Scope, receive: Receive, send: Send) -> None:
    """A log as text, to a program. One key holds only so many of them open."""
    source = streams.FollowedLog(scope)
    if hub.followed[source.reader] >= MOST_FOLLOWED:
        raise TooManyFollowed
    hub.followed[source.reader] += 1
    try:
        await stream(scope, receive, send, source)
    finally:
        hub.followed[source.reader] -= 1
        hub.followed += Counter()  # forgets who follows none


def stream_headers(scope: Scope, own: Mapping[str, str]) -> Headers:
    headers = [
        *((name.lower().encode(), value.encode()) for name, value in own.items()),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
        *guards(),
    ]
    origin = header(scope, b"origin")
    if origin and origin == settings.HYDRA_URL:
        headers += [
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"vary", b"origin"),
        ]
    return headers
