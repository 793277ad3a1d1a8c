"""A program that speaks to the API, from an address of its own.

Whatever it is answered has to be what the OpenAPI description says of that route and method.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import Resolver404, resolve

from hydra.api import docs

FACES = pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/projects"),
        ("POST", "/api/externals/version/create"),
        ("POST", "/v2/deploy.getDeployment"),
        ("GET", "/v1/health"),
    ],
)
NOT_VALID = "This API key is not valid. Create one under Settings, API Keys."

_addresses = itertools.count(1)


def new_address() -> str:
    """An address that no other test calls from: failures are counted by address."""
    number = next(_addresses)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


class Api:
    """Sends JSON with a key, and reads JSON."""

    def __init__(self, token: str = "", *, address: str = "", **headers: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.extra: dict[str, Any] = {"REMOTE_ADDR": address or new_address()}
        self.headers = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.send("GET", path, None, **headers)

    def post(self, path: str, body: object = None, **headers: str) -> HttpResponse:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: object = None, **headers: str) -> HttpResponse:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        return self.send("DELETE", path, None, **headers)

    def send(self, method: str, path: str, body: object, **headers: str) -> HttpResponse:
        if isinstance(body, bytes):
            content = body
        else:
            content = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent: Any = self.client.generic(
            method,
            path,
            content,
            content_type="application/json",
            headers={**self.headers, **named},
            **self.extra,
        )
        response: HttpResponse = sent  # Django's own, with what the test client adds
        assert_described(method, path, response.status_code)
        return response


# Not told of single routes: the wrong method, a mistake of ours, and a database that is away.
EVERYWHERE = {405, 500, 503}
MOMENT_FIELDS = ("created_at", "updated_at", "started_at", "queued_at", "finished_at")
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


def assert_described(method: str, path: str, status: int) -> None:
    """Fails when the description does not know that this route can answer so."""
    try:
        route = resolve(path.partition("?")[0], urlconf=docs.ROUTES).route
    except Resolver404:
        return  # pages, agents' calls, and what is nowhere
    operations = docs.description()["paths"]["/" + PARAMETER.sub(r"{\1}", route)]
    operation = operations.get(method.lower())
    if operation is not None and status not in EVERYWHERE:
        assert str(status) in operation["responses"], f"{method} {path} answered {status}"


def read(response: HttpResponse, status: int = 200) -> Any:
    """The JSON of an answer that has this status."""
    assert response.status_code == status, response.content.decode()
    return json.loads(response.content)


def timeless(shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown, without the moments, each of which is in UTC."""
    for name in MOMENT_FIELDS:
        assert (shown.get(name) or "Z").endswith("Z")
    return {name: value for name, value in shown.items() if name not in MOMENT_FIELDS}
