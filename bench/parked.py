"""Agents that only wait: each greets, then asks for work over one connection for ever."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from agents.protocol import HEARTBEAT, HELLO, PROTOCOL
from bench.client import Broken, Connection, request_bytes

GREETING_CLIENTS = 8
SHORTEST_POLL, LONGEST_POLL = 20.0, 25.0  # seconds, as real agents vary them
ARRIVAL_SECONDS = 5.0
HEARTBEAT_SECONDS = 15.0


@dataclass
class ParkedAgent:
    """One of them: its key, its session, and when it was given a job."""

    token: str
    session: str = field(default_factory=lambda: str(uuid.uuid4()))
    is_parked: bool = False
    woken_at: float = 0.0

    def request(self, path: str, **body: object) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        content = json.dumps({"session": self.session, **body}).encode()
        return request_bytes("POST", path, headers=headers, body=content)


class Crowd:
    """All of them, in one event loop of this process."""

    def __init__(self, port: int, tokens: list[str]) -> None:
        self.port = port
        self.agents = [ParkedAgent(token) for token in tokens]
        self.poll_url = ""
        self.polls = 0
        self.tasks: list[asyncio.Task[None]] = []

    def greet(self) -> None:
        """Every agent says hello; several at once, as they do after an outage."""
        remaining = iter(self.agents)
        with ThreadPoolExecutor(GREETING_CLIENTS) as pool:
            for done in [pool.submit(self.greet_some, remaining) for _ in range(GREETING_CLIENTS)]:
                done.result()

    def greet_some(self, remaining: Iterator[ParkedAgent]) -> None:
        with Connection(self.port) as connection:
            for agent in remaining:
                asked = agent.request(HELLO, protocol=PROTOCOL, max_jobs=1, jobs=[])
                answer = connection.ask(asked)
                if answer.status != 200:
                    raise Broken(f"hello: {answer.status} {answer.body[:500]!r}")
                self.poll_url = answer.json["poll_url"]

    async def park(self) -> None:
        """Let all of them ask for work, and return once all have."""
        for agent in self.agents:
            self.tasks.append(asyncio.create_task(self.wait_for_work(agent)))
            await asyncio.sleep(ARRIVAL_SECONDS / len(self.agents))
        while not all(agent.is_parked for agent in self.agents):
            self.require_alive()
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)  # the last ones' looks at the database

    async def wait_for_work(self, agent: ParkedAgent) -> None:
        where = urlsplit(self.poll_url)
        reader, writer = await asyncio.open_connection("127.0.0.1", where.port)
        try:
            while not agent.woken_at:
                seconds = random.uniform(SHORTEST_POLL, LONGEST_POLL)
                writer.write(agent.request(where.path, free=1, running=[], wait_s=seconds))
                await writer.drain()
                agent.is_parked = True
                answer = await read_answer(reader)
                self.polls += 1
                if answer["job"] is not None:
                    agent.woken_at = time.monotonic()
        finally:
            writer.close()

    async def beat(self, seconds: float) -> None:
        """Heartbeats of all of them, evenly, over a few connections."""
        await asyncio.to_thread(self.beat_here, seconds)

    def beat_here(self, seconds: float) -> None:
        began, pause = time.monotonic(), HEARTBEAT_SECONDS / len(self.agents)
        with Connection(self.port) as connection:
            for number in range(int(seconds / pause)):
                agent = self.agents[number % len(self.agents)]
                answer = connection.ask(agent.request(HEARTBEAT, running=[], drift={}))
                if answer.status != 200:
                    raise Broken(f"heartbeat: {answer.status} {answer.body[:500]!r}")
                time.sleep(max(0.0, began + number * pause - time.monotonic()))

    def require_alive(self) -> None:
        for task in self.tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def read_answer(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, after = head.partition(b"content-length:")
    body = await reader.readexactly(int(after.split(b"\r\n", 1)[0]))
    if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
        raise Broken(f"poll: {head!r} {body[:500]!r}")
    answer: dict[str, Any] = json.loads(body)
    return answer
