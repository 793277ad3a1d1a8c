"""The headers that stand on every kind of answer, whoever gives it."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from hydra import headers
from hydra.cli.local_services import free_port
from orgs.models import Organization, User
from tests import factories
from tests.api.client import Api
from tests.conftest import signed_in
from tests.house.test_settings import load

FOR_PAGES = "script-src 'self'"
PROGRAM = """
import os, sys
from hydra import asgi
import uvicorn
uvicorn.run(asgi.{application}, host="127.0.0.1", port={port}, log_level="error")
"""


def faults(answer: object) -> list[str]:
    """Which of the headers of every answer this one lacks."""
    told = {str(name).lower(): str(value) for name, value in answer.items()}  # type: ignore[attr-defined]  # headers of any kind
    missing = [name for name, value in headers.ALWAYS.items() if told.get(name.lower()) != value]
    policy = told.get("content-security-policy", "")
    if "frame-ancestors 'none'" not in policy or "unsafe" in policy or "*" in policy:
        missing.append(f"policy: {policy}")
    return missing


@pytest.mark.django_db
def test_answers_of_every_kind_carry_them(northwind: Organization, olivia: User) -> None:
    browser, nobody = signed_in(olivia), Client(raise_request_exception=False)
    api = Api(factories.make_key(northwind)[1])
    agent = Api(factories.make_agent(northwind)[1])
    answers = {
        "page": browser.get("/o/northwind/"),
        "fragment": browser.get("/o/northwind/projects/", headers={"HX-Request": "true"}),
        "redirect": browser.get("/"),
        "sign in": nobody.get("/account/login/"),
        "to sign in": nobody.get("/o/northwind/"),
        "not found": nobody.get("/nothing/"),
        "not ours": browser.get("/o/southwind/"),
        "not allowed": browser.post("/o/northwind/"),
        "forged": Client(enforce_csrf_checks=True).post("/account/login/"),
        "NUL": nobody.get("/%00"),
        "another host": nobody.get("/", headers={"Host": "evil.example"}),
        "native": api.get("/api/v1/projects"),
        "native refused": Api().get("/api/v1/projects"),
        "native unknown": api.get("/api/v1/nothing"),
        "externals": api.post("/api/externals/version/create", {}),
        "rpc": api.post("/v2/deploy.getDeployment", {}),
        "key check": api.get("/v1/health"),
        "schema": nobody.get("/api/schema/"),
        "docs": nobody.get("/api/docs/"),
        "agent": agent.post("/agent/v1/hello", {"protocol": 1}),
        "agent refused": Api().post("/agent/v1/hello", {}),
        "program": nobody.get("/agent/hydra-agent.pyz.sha256"),
        "health": nobody.get("/healthz"),
        "ready": nobody.get("/readyz"),
        "metrics": nobody.get("/metrics"),
        "static": nobody.get("/static/css/tokens.css"),
        "static unknown": nobody.get("/static/css/nothing.css"),
    }

    assert {name: wrong for name, answer in answers.items() if (wrong := faults(answer))} == {}
    for name in ("page", "sign in", "not found", "docs"):
        assert FOR_PAGES in answers[name]["Content-Security-Policy"], name
    answers["static"].close()
    for name in ("native", "agent", "static", "NUL"):
        assert answers[name]["Content-Security-Policy"] == headers.NOTHING, name


@pytest.mark.django_db
def test_a_page_that_only_its_people_see_is_kept_by_no_cache(
    northwind: Organization, olivia: User
) -> None:
    answer = signed_in(olivia).get("/o/northwind/projects/")

    assert "Cookie" in answer["Vary"]


@pytest.mark.parametrize("address", ["http://hydra.example", "https://hydra.example"])
def test_cookies_are_as_safe_as_the_address_allows(address: str, tmp_path: Path) -> None:
    is_https = address.startswith("https")
    told = load(
        tmp_path,
        "s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, "
        "s.SESSION_COOKIE_SAMESITE, s.CSRF_COOKIE_SAMESITE, s.SECURE_HSTS_SECONDS, "
        "s.SECURE_SSL_REDIRECT",
        HYDRA_URL=address,
    )

    prefix = "__Host-" if is_https else ""
    seconds = 365 * 24 * 3600 if is_https else 0
    assert told.stdout.split() == [
        *(f"{prefix}hydra_session", f"{prefix}hydra_csrf"),
        *(str(is_https), str(is_https), "Lax", "Lax", str(seconds), str(is_https)),
    ]


@pytest.mark.django_db
def test_the_cookies_that_are_set_are_out_of_reach_for_scripts(olivia: User) -> None:
    browser = Client()
    browser.post("/account/login/", {"login": olivia.email, "password": factories.PASSWORD})
    browser.get("/account/")

    for name in ("hydra_session", "hydra_csrf"):
        cookie = browser.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/"), name
        assert cookie["domain"] == ""


@pytest.fixture(params=["live", "embedded"])
def port(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """Each of the two ASGI applications, in a process of its own as behind HTTPS."""
    number = free_port()
    program = PROGRAM.format(application=request.param, port=number)
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={
            "PATH": "/usr/bin:/bin",
            "HYDRA_HOME": str(tmp_path),
            "HYDRA_URL": "https://hydra.example",
            "HYDRA_BEHIND_PROXY": "true",
        },
        cwd=Path(__file__).resolve().parents[2],
    )
    ends = time.monotonic() + 60
    while True:
        assert time.monotonic() < ends
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", number), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield number
    process.terminate()
    process.wait(20)


def ask(port: int, method: str, path: str, **named: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    sent = {"Host": "hydra.example", "X-Forwarded-Proto": "https", **named}
    connection.request(method, path, headers=sent)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def say(port: int, text: str) -> bytes:
    """What a server answers to a request as it goes over the line."""
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        line.sendall(text.encode())
        line.settimeout(20)
        return line.recv(4096)


def test_what_waits_carries_them_too_and_asks_for_https(port: int) -> None:
    answers = {
        "health": ask(port, "GET", "/live/healthz"),
        "nothing": ask(port, "GET", "/live/nothing"),
        "poll": ask(port, "POST", "/live/agent/poll"),
        "stream": ask(port, "GET", "/live/orgs/nobody/events"),
        "another host": ask(port, "GET", "/live/healthz", Host="evil.example"),
    }

    told = {name: faults(answer.headers) for name, answer in answers.items()}
    assert {name: wrong for name, wrong in told.items() if wrong} == {}
    for answer in answers.values():
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert (answers["health"].status, answers["another host"].status) == (200, 400)


def test_a_request_that_names_no_host_is_refused(port: int) -> None:
    for path in ("/live/healthz", "/healthz"):
        assert b" 400 " in say(port, f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n")[:20]
        two = f"GET {path} HTTP/1.1\r\nHost: hydra.example\r\nHost: evil.example\r\n\r\n"
        assert b" 400 " in say(port, two)[:20]
    assert b" 200 " in say(port, "GET /live/healthz HTTP/1.0\r\n\r\n")[:20]
