"""The OpenAPI description, made from the types that the faces really use.

What an answer shows is a `TypedDict`, which mypy holds the code to and which is turned into a
schema here; what a body takes is a serializer, which drf-spectacular knows by itself.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.serializers import BaseSerializer

from hydra.api.answers import Moment
from hydra.errors import Detail

Schema = dict[str, Any]
ViewT = TypeVar("ViewT", bound=Callable[..., Any])

PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Moment: {"type": "string", "format": "date-time"},
    Any: {},
    object: {},
    type(None): {"type": "null"},
}

_components: dict[str, Schema] = {}
_shapes: dict[str, type] = {}

ERRORS = {
    400: "Malformed, or refused as it stands; `details` say where.",
    401: "The key is missing, unknown, expired or revoked.",
    403: "The key lacks a permission, which is named.",
    404: "There is no such thing here.",
    402: "The plan has no room left for it.",
    409: "It clashes with what is there, or the same request is still running.",
    411: "The body came in chunks, without its length.",
    413: "The body is larger than 1 MiB.",
    422: "The Idempotency-Key was used for another request.",
    429: "Too many requests in this minute; `Retry-After` says when to come back.",
}


@dataclass(frozen=True)
class Query:
    """One query parameter."""

    name: str
    description: str
    type: type = str
    enum: tuple[str, ...] | None = None


LIMIT = Query("limit", "Number of results: 1 to 100, 20 unless given.", int)
CURSOR = Query("cursor", "`nextCursor` of the page before.")
PAGED = (LIMIT, CURSOR)


def component(shape: type) -> Schema:
    """A reference to the schema of a TypedDict, which is described once."""
    name = shape.__name__.removesuffix("Shown")
    if _shapes.setdefault(name, shape) is not shape:
        raise ValueError(f"Two shapes are called {name}: {shape} and {_shapes[name]}")
    if name not in _components:
        _components[name] = {}  # a shape may contain itself
        _components[name] = of_typed_dict(shape)
    return {"$ref": f"#/components/schemas/{name}"}


def of_typed_dict(shape: type) -> Schema:
    hints = get_type_hints(shape, include_extras=True)
    optional: frozenset[str] = getattr(shape, "__optional_keys__", frozenset())
    schema: Schema = {
        "type": "object",
        "properties": {name: of_hint(hint) for name, hint in hints.items()},
        "required": [name for name in hints if name not in optional],
    }
    if shape.__doc__:
        schema["description"] = shape.__doc__.strip()
    return schema


def of_hint(hint: Any) -> Schema:
    """The schema of a type as it stands in a TypedDict."""
    if hint in PLAIN:
        return dict(PLAIN[hint])
    if is_typeddict(hint):
        return component(hint)
    return of_generic(get_origin(hint), get_args(hint))


def of_generic(origin: Any, arguments: tuple[Any, ...]) -> Schema:
    if origin in (NotRequired, Required):
        return of_hint(arguments[0])
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin in (list, Sequence):
        return {"type": "array", "items": of_hint(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": of_hint(arguments[1])}
    if origin in (Union, types.UnionType):
        return of_union([of_hint(argument) for argument in arguments])
    raise TypeError(f"No schema is known for {origin}[{arguments}]")


def of_union(schemas: list[Schema]) -> Schema:
    kinds = [schema["type"] for schema in schemas if "type" in schema]
    if len(kinds) == len(schemas) and kinds[1:] == ["null"]:
        return schemas[0] | {"type": kinds}
    return {"oneOf": schemas}


# --- Envelopes -------------------------------------------------------------------------------

PAGINATION: Schema = {
    "type": "object",
    "properties": {
        "hasMore": {"type": "boolean"},
        "nextCursor": {"type": ["string", "null"]},
        "limit": {"type": "integer"},
    },
    "required": ["hasMore", "nextCursor", "limit"],
}
DELETED: Schema = {
    "type": "object",
    "properties": {"deleted": {"type": "boolean", "const": True}},
    "required": ["deleted"],
}
META: Schema = {
    "type": "object",
    "properties": {"requestId": {"type": "string"}},
    "required": ["requestId"],
}


def envelope(**parts: Schema) -> Schema:
    return {"type": "object", "properties": parts, "required": list(parts)}


def data(shape: type) -> Schema:
    return envelope(data=component(shape))


def page(shape: type) -> Schema:
    rows = {"type": "array", "items": component(shape)}
    return envelope(data=rows, pagination=PAGINATION)


def rpc(shape: type) -> Schema:
    return envelope(meta=META, data=component(shape))


NATIVE_ERROR = "Error"
RPC_ERROR = "RpcError"
KEY_CHECK_ERROR = "KeyCheckError"


def error_components() -> dict[str, Schema]:
    """The three ways to word an error."""
    details = {"type": "array", "items": component(Detail)}
    text: Schema = {"type": "string"}
    native = envelope(error=text, code=text, request_id=text, details=details)
    told = envelope(title=text, detail=text, status={"type": "integer"}, type=text, errors=details)
    return {
        NATIVE_ERROR: native,
        RPC_ERROR: envelope(meta=META, error=told),
        KEY_CHECK_ERROR: envelope(error=envelope(code=text, message=text)),
    }


# --- Operations ------------------------------------------------------------------------------

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Send the same key with a repeat, and the first answer comes again.",
)


@dataclass(frozen=True)
class Operation:
    """What the description says of one route and method."""

    name: str
    summary: str
    shows: Schema
    tag: str
    takes: type[BaseSerializer[Any]] | None = None
    status: int = 200
    permission: str = ""
    query: tuple[Query, ...] = ()
    error: str = NATIVE_ERROR
    also: tuple[int, ...] = ()
    repeats: str = ""  # why it may answer 200 with what was there already
    redirects: str = ""  # why it may answer 307
    example: dict[str, Any] | None = None
    is_post: bool = False


def described(operation: Operation) -> Callable[[ViewT], ViewT]:
    """Decorates a view's method with what the description says of it."""
    needs = f"Needs the permission `{operation.permission}`." if operation.permission else ""
    decorate: Callable[[ViewT], ViewT] = extend_schema(
        operation_id=operation.name,
        summary=operation.summary,
        description=needs,
        tags=[operation.tag],
        request=operation.takes,
        parameters=parameters_of(operation),
        responses=responses_of(operation),
        examples=examples_of(operation),
        extensions={"x-permission": operation.permission} if operation.permission else None,
    )
    return decorate


def parameters_of(operation: Operation) -> list[OpenApiParameter]:
    parameters = [
        OpenApiParameter(
            query.name,
            query.type,
            OpenApiParameter.QUERY,
            description=query.description,
            enum=query.enum,
        )
        for query in operation.query
    ]
    is_post = operation.is_post or operation.takes is not None
    return [*parameters, IDEMPOTENCY_KEY] if is_post else parameters


def responses_of(operation: Operation) -> dict[int, Any]:
    success = OpenApiResponse(operation.shows, description="Done." if operation.takes else "")
    wrong = {"$ref": f"#/components/schemas/{operation.error}"}
    # 400 everywhere: a personal token may leave open which organization it means.
    statuses = [400, 401, 403, 404, 429, *operation.also]
    if operation.takes is not None or operation.is_post:
        statuses += [409, 422]
    if operation.takes is not None:
        statuses += [402, 411, 413]
    failures = {
        status: OpenApiResponse(wrong, description=ERRORS[status])
        for status in sorted(set(statuses))
    }
    return {operation.status: success, **others_of(operation), **failures}


def others_of(operation: Operation) -> dict[int, Any]:
    """What is neither the usual success nor a failure."""
    others: dict[int, Any] = {}
    if operation.repeats:
        others[200] = OpenApiResponse(operation.shows, description=operation.repeats)
    if operation.redirects:
        others[307] = OpenApiResponse(description=operation.redirects)
    return others


def examples_of(operation: Operation) -> list[OpenApiExample]:
    if operation.example is None:
        return []
    return [OpenApiExample("Example", value=operation.example, request_only=True)]


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: the shapes that the operations refer to."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_components | error_components())
    result["components"]["schemas"] = dict(sorted((schemas | _components).items()))
    return result
