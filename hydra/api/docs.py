"""The description of the API: as OpenAPI for programs, and as one page for people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

ROUTES = "hydra.face_urls"
CACHE_CONTROL = "public, max-age=300"

# What stands on the page above the routes, in the order of the seeds they come from.
TAGS = (
    "Externals",
    "Projects",
    "Deployments",
    "Applications",
    "Versions",
    "Rules",
    "Environments",
    "Agents",
    "Webhooks",
    "Organizations",
    "Events",
    "RPC",
    "Key check",
)


@dataclass(frozen=True)
class Code:
    """What a program may find as the code of an error."""

    name: str
    status: int
    meaning: str


CODES = (
    Code("malformed_json", 400, "The body is no JSON, or says the same thing twice."),
    Code("invalid", 400, "Something in the request cannot be accepted; the details say what."),
    Code("unauthorized", 401, "The key is missing, unknown, expired or revoked."),
    Code("plan_limit", 402, "The plan has no room left; what exists is not touched."),
    Code("forbidden", 403, "The key lacks a permission, which is named."),
    Code("organization_suspended", 403, "The organization is closed; the message says why."),
    Code("not_found", 404, "There is no such thing in this organization."),
    Code("method_not_allowed", 405, "The address knows other methods, which Allow lists."),
    Code(
        "conflict", 409, "It clashes with what is there. Many conflicts have a code of their own."
    ),
    Code("code_taken", 409, "The code belongs to another project or application."),
    Code("already_finished", 409, "The deployment has ended and can no longer be canceled."),
    Code("idempotency_key_in_use", 409, "The first request with this key is still running."),
    Code("length_required", 411, "The body was sent in chunks: send its length."),
    Code("too_large", 413, "The body is larger than 1 MiB."),
    Code("idempotency_key_reused", 422, "The Idempotency-Key was used for another request."),
    Code("rate_limited", 429, "Too many requests in this minute."),
    Code("internal_error", 500, "A mistake of ours. It is safe to try again."),
    Code("unavailable", 503, "It cannot be done right now; Retry-After says when it can."),
)


@dataclass(frozen=True)
class Field:
    """One line of a table: a parameter, or a field of a body or an answer."""

    name: str
    type: str
    is_required: bool
    description: str


@dataclass(frozen=True)
class Route:
    """One operation as the page shows it."""

    name: str
    method: str
    path: str
    summary: str
    tag: str
    permission: str
    query: list[Field]
    body: list[Field]
    answer: list[Field]
    status: str
    example: str


_making = Lock()


def description() -> dict[str, Any]:
    """The OpenAPI document. It cannot change while the process runs.

    Made by one thread: what makes it learns about its extensions on the way, and two at once trip.
    """
    with _making:
        return make_description()


@cache
def make_description() -> dict[str, Any]:
    generator = SchemaGenerator(urlconf=ROUTES)  # type: ignore[no-untyped-call]  # spectacular's
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


@cache
def routes() -> dict[str, list[Route]]:
    """All operations by tag."""
    found: dict[str, list[Route]] = {tag: [] for tag in TAGS}
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            route = route_of(path, method, operation)
            found.setdefault(route.tag, []).append(route)
    return {tag: listed for tag, listed in found.items() if listed}


def route_of(path: str, method: str, operation: dict[str, Any]) -> Route:
    status, answered = next(iter(operation["responses"].items()))
    body = operation.get("requestBody", {})
    content: dict[str, Any] = next(iter(body.get("content", {}).values()), {})
    return Route(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        tag=operation["tags"][0],
        permission=operation.get("x-permission", ""),
        query=[parameter(given) for given in operation.get("parameters", [])],
        body=fields(content.get("schema", {})),
        answer=fields(shown(answered)),
        status=status,
        example=example_of(content),
    )


def parameter(given: dict[str, Any]) -> Field:
    return Field(
        name=given["name"],
        type=type_of(given["schema"]),
        is_required=given.get("required", False),
        description=given.get("description", ""),
    )


def shown(answered: dict[str, Any]) -> dict[str, Any]:
    """What an answer is about: the schema inside its envelope."""
    content: dict[str, Any] = next(iter(answered.get("content", {}).values()), {})
    schema = resolved(content.get("schema", {}))
    inner: dict[str, Any] = schema.get("properties", {}).get("data", schema)
    if inner.get("type") == "array":
        items: dict[str, Any] = inner["items"]
        return items
    return inner


def fields(schema: dict[str, Any]) -> list[Field]:
    schema = resolved(schema)
    required = schema.get("required", [])
    return [
        Field(name, type_of(inner), name in required, inner.get("description", ""))
        for name, inner in schema.get("properties", {}).items()
    ]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference stands for."""
    reference = schema.get("$ref", "")
    if not reference:
        return schema
    found: dict[str, Any] = description()["components"]["schemas"][reference.rsplit("/", 1)[-1]]
    return found


def type_of(schema: dict[str, Any]) -> str:
    """A type in a few words, such as `list of Deployment`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "oneOf" in schema or "allOf" in schema:
        parts = schema.get("oneOf") or schema["allOf"]
        return " or ".join(type_of(part) for part in parts)
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {type_of(schema['items'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def example_of(content: dict[str, Any]) -> str:
    examples = content.get("examples", {})
    values = [example["value"] for example in examples.values()]
    return json.dumps(values[0], indent=2) if values else ""


@require_safe
@login_not_required
def schema(_request: HttpRequest) -> HttpResponse:
    content = json.dumps(description(), indent=2)
    response = HttpResponse(content, content_type="application/vnd.oai.openapi+json")
    response["Cache-Control"] = CACHE_CONTROL
    return response


@require_safe
@login_not_required
def page(request: HttpRequest) -> HttpResponse:
    response = render(
        request,
        "api/docs.html",
        {"routes": routes(), "codes": CODES, "address": settings.HYDRA_URL},
    )
    response["Cache-Control"] = CACHE_CONTROL
    return response
