"""HTTP over plain ASGI, as little of it as is needed where Django's request handling is not."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from hydra import headers
from hydra.errors import Invalid, Refused

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# What every server of pages and of the API holds a body to, before a thread is taken for it.
BODY_SECONDS = 20
BODY_BYTES = 1024 * 1024 + 64 * 1024  # what the longest form or log range may take
REFUSES_BY_LENGTH = ("/api/", "/v1/", "/v2/")  # says so in the words of the face, reading nothing
SLOW = {"error": "The body did not arrive in time.", "code": "timeout"}
LONG = {"error": "The body is longer than 1 MiB.", "code": "too_large"}


def raw(status: int, sentence: str, code: str) -> bytes:
    """A whole answer as it goes over the line, after which the line is closed."""
    body = json.dumps({"error": sentence, "code": code}, separators=(",", ":"))
    guards = "".join(f"{name}: {value}\r\n" for name, value in headers.OF_NO_PAGE.items())
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        f"{guards}Cache-Control: no-store\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def guards() -> Headers:
    """The headers of every answer, for those that do not pass Django's middleware."""
    return [(n.lower().encode(), v.encode()) for n, v in headers.of_no_page().items()]


def require_host(scope: Scope) -> None:
    """Refuse a request for another host than ours, and one that does not say for which.

    Only HTTP/1.0 may leave it out.
    """
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if not hosts and scope.get("http_version") == "1.0":
        return
    domain = split_domain_port(hosts[0])[0] if len(hosts) == 1 else ""
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise Invalid.at("Host", "The request does not name one host of this installation.")


TOO_SLOW = raw(408, SLOW["error"], SLOW["code"])
TOO_LONG = raw(413, LONG["error"], LONG["code"])


async def hang_up(receive: Receive) -> None:
    """Ends when the caller does."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_body(receive: Receive, *, most_bytes: int) -> bytes | None:
    """The whole body; None when it is longer than that, or its sender went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > most_bytes:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == name), "")


def bearer_token(scope: Scope) -> str:
    value = header(scope, b"authorization")
    return value.removeprefix("Bearer ") if value.startswith("Bearer ") else ""


async def answer_refusal(send: Send, refused: Refused, request_id: str) -> None:
    body: dict[str, Any] = {
        "error": refused.message,
        "code": refused.code,
        "request_id": request_id,
    }
    if refused.details:
        body["details"] = refused.details
    more: Headers = []
    if refused.retry_after_seconds is not None:
        more = [(b"retry-after", str(refused.retry_after_seconds).encode())]
    await answer_json(send, refused.status, body, request_id, more)


async def answer_json(
    send: Send, status: int, body: dict[str, Any], request_id: str = "", more: Headers | None = None
) -> None:
    content = json.dumps(body, separators=(",", ":")).encode()
    told = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode()),
        *guards(),
        *(more or ()),
    ]
    await send({"type": "http.response.start", "status": int(status), "headers": told})
    await send({"type": "http.response.body", "body": content})
