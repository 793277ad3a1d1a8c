"""`hydra up`: everything on one machine, embedded or in full, with a demo when asked."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from hydra.cli import processes
from hydra.cli.local_services import CannotStart, LocalPostgres, LocalValkey
from hydra.cli.processes import STOP_SECONDS, CannotRun, Child, Supervisor, say

READY_SECONDS = 120


def home() -> Path:
    place = Path(os.environ.setdefault("HYDRA_HOME", str(Path.cwd() / "var"))).absolute()
    os.environ["HYDRA_HOME"] = str(place)
    place.mkdir(parents=True, exist_ok=True)
    return place


def base_url() -> str:
    return os.environ.setdefault("HYDRA_URL", f"http://127.0.0.1:{processes.port()}").rstrip("/")


def run_embedded(*, with_demo: bool) -> int:
    """One process on SQLite. The demo's agent is a child, as it would be on another machine."""
    processes.hold(home())
    os.umask(0o077)  # the database holds what is nobody else's business
    url = base_url()
    processes.require_free(processes.port())
    os.environ.setdefault("HYDRA_OUTBOUND_ALLOW", "127.0.0.0/8" if with_demo else "")
    processes.migrate()
    server = uvicorn.Server(how_to_serve())
    say(f"starting the server on {url}")
    supervisor = Supervisor()
    keeper = threading.Thread(
        target=keep_demo, args=[supervisor, url, server], daemon=True, name="demo"
    )
    if with_demo:
        keeper.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    server.run()
    supervisor.stopping.set()
    if with_demo:
        keeper.join(STOP_SECONDS)
    supervisor.stop()
    return 0


def how_to_serve() -> uvicorn.Config:
    """Whether a proxy is believed, HYDRA_BEHIND_PROXY says alone: uvicorn would believe each that
    comes from this machine, and whoever is here could come from any address.
    """
    return uvicorn.Config(
        "hydra.asgi:embedded",
        host=processes.bind(),
        port=processes.port(),
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,
    )


def keep_demo(supervisor: Supervisor, url: str, server: uvicorn.Server) -> None:
    if not wait_until_ready(url, supervisor):
        return
    start_demo(supervisor, url)
    while not supervisor.stopping.wait(0.2):
        if server.should_exit:
            supervisor.stop()  # while the server still hears what became of the agent's jobs
            return
        for child in supervisor.children:
            if not child.is_running():
                child.start()


def run_stack(*, with_demo: bool) -> int:
    """The production shape on this machine alone, with its own PostgreSQL and Valkey."""
    place = home()
    processes.hold(place)
    processes.require_free(processes.port())
    processes.require_free(processes.live_port())
    try:
        say("starting PostgreSQL and Valkey; the first time this makes a cluster")
        with LocalPostgres(data=place / "postgres") as postgres, LocalValkey() as valkey:
            os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = postgres.url, valkey.url
            return run_full(with_demo=with_demo)
    except CannotStart as error:
        raise CannotRun(str(error)) from error


def run_full(*, with_demo: bool) -> int:
    """Web, live, worker and beat, on the PostgreSQL and Redis that the environment names."""
    place = home()
    url = base_url()
    os.environ.setdefault("HYDRA_LIVE_URL", f"http://127.0.0.1:{processes.live_port()}")
    os.environ.setdefault("HYDRA_OUTBOUND_ALLOW", "127.0.0.0/8" if with_demo else "")
    use_generated_secrets(place)
    processes.require_free(processes.port())
    processes.require_free(processes.live_port())
    if with_demo:  # then Django is needed here anyway
        processes.migrate()
    else:
        processes.migrate_beside()
    supervisor = Supervisor()
    commands = processes.commands()
    say(f"starting {', '.join(commands)}")
    try:
        for name, command in commands.items():
            supervisor.add(Child(name, command, processes.environment_of(name)))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: supervisor.stopping.set())
        is_ready = wait_until_ready(url, supervisor) and wait_until_ready(
            os.environ["HYDRA_LIVE_URL"], supervisor, path="/live/healthz"
        )
        if with_demo and is_ready:
            start_demo(supervisor, url)
        supervisor.watch()
    finally:
        supervisor.stop()
    return 0


def use_generated_secrets(place: Path) -> None:
    """On one machine the secrets may be made here; several machines must be given the same."""
    from hydra.environment import generated_secrets  # noqa: PLC0415  # only `up` makes secrets

    for name, value in generated_secrets(place).items():
        os.environ.setdefault(name, value)


def wait_until_ready(url: str, supervisor: Supervisor, path: str = "/readyz") -> bool:
    where = urlsplit(url)
    ends = time.monotonic() + READY_SECONDS
    while time.monotonic() < ends and not supervisor.stopping.is_set():
        connection = http.client.HTTPConnection(
            where.hostname or "127.0.0.1", where.port or 80, timeout=5
        )
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.HTTPStatus.OK:
                return True
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        supervisor.stopping.wait(0.1)
    return False


def start_demo(supervisor: Supervisor, url: str) -> None:
    """Make the demo, start its agent and say how to go on."""
    import django  # noqa: PLC0415  # the environment had to be complete

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")
    django.setup()
    from hydra.cli.demo import make_demo, next_version  # noqa: PLC0415  # needs the models

    say("making the demo organization and starting its agent")
    place = home()
    demo = make_demo(place, url)
    agent = [
        *[sys.executable, "-m", "agents.program", "run", "--server", url, "--stop-on-eof"],
        *["--work-dir", str(place / "demo-server"), "--max-jobs", "16"],
    ]
    environment = {**os.environ, "HYDRA_AGENT_KEY": demo.agent_key}
    supervisor.add(
        Child("demo agent", agent, environment, stop_signal=signal.SIGINT, holds_input=True)
    )
    facts = json.loads((place / "demo.json").read_text())
    sys.stdout.write(welcome(facts, next_version(demo)))
    sys.stdout.flush()


def welcome(facts: dict[str, str], version: str) -> str:
    create = f"{facts['url']}/api/externals/version/create"
    return f"""
Hydra is running.

  Address   {facts["url"]}
  Login     {facts["email"]}
  Password  {facts["password"]}
  API key   {facts["api_key"]}

Deploy a version (its rules send {version} to all three environments):

  curl -X POST "{create}?appCode={facts["application"]}&version={version}" \\
    -H "Authorization: Bearer {facts["api_key"]}"

Ctrl-C stops everything. These facts stand in {os.environ["HYDRA_HOME"]}/demo.json.
"""
