"""Turns whatever ends a request early into one `Fault`, which a dialect then words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from django.http import Http404
from rest_framework.exceptions import MethodNotAllowed, ValidationError

from hydra.errors import Detail, Refused


@dataclass(frozen=True)
class Fault:
    """Why a request was not done: for people, for programs, and where it went wrong."""

    status: int
    code: str
    message: str
    details: Sequence[Detail] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class MalformedBody(Refused):
    """The body is no JSON that we take; `details` say where."""

    code = "malformed_json"
    status = HTTPStatus.BAD_REQUEST

    @classmethod
    def at(cls, location: str, message: str, fix: str = "") -> MalformedBody:
        detail = Detail(location=location, message=message)
        if fix:
            detail["fix"] = fix
        return cls(message, details=[detail])


class BodyTooLarge(Refused):
    code = "too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    @classmethod
    def over(cls, limit_bytes: int) -> BodyTooLarge:
        limit = f"A body has at most {limit_bytes:,} bytes."
        detail = Detail(location="body", message=limit)
        return cls("The body is larger than 1 MiB.", details=[detail])


class LengthRequired(Refused):
    code = "length_required"
    status = HTTPStatus.LENGTH_REQUIRED


class RateLimited(Refused):
    """Too many requests this minute; the next minute begins in `retry_after_seconds`."""

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


NO_SUCH_ROUTE = Fault(404, "not_found", "There is nothing at this address.")
INTERNAL = Fault(
    500, "internal_error", "Something went wrong on our side. Try again, or tell us the request id."
)


def fault_of(error: Exception) -> Fault:
    """The fault that an exception means which says no; not for bugs."""
    if isinstance(error, Refused):
        return of_refusal(error)
    if isinstance(error, Http404):
        return Fault(404, "not_found", str(error) or NO_SUCH_ROUTE.message)
    if isinstance(error, MethodNotAllowed):
        return Fault(405, "method_not_allowed", str(error.detail))
    if isinstance(error, ValidationError):
        return of_shape(error)
    return Fault(400, "invalid", "This request is not acceptable.")


def of_refusal(refused: Refused) -> Fault:
    headers = {}
    if refused.retry_after_seconds is not None:
        headers["Retry-After"] = str(refused.retry_after_seconds)
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Fault(refused.status, refused.code, refused.message, refused.details, headers)


def of_shape(error: ValidationError) -> Fault:
    """What serializers found, as `connectedApps.0.appCode: This field is required.`"""
    details = list(flatten(error.detail, ()))
    first = details[0]
    message = f"{first['location']}: {first['message']}" if first["location"] else first["message"]
    return Fault(400, "invalid", message, details)


def flatten(errors: object, path: tuple[str, ...]) -> Iterator[Detail]:
    """Each message of a serializer's nested errors, with the path of its field."""
    if isinstance(errors, Mapping):
        for name, inner in errors.items():
            yield from flatten(inner, path if name == "non_field_errors" else (*path, str(name)))
    elif isinstance(errors, list):
        for place, inner in enumerate(errors):
            is_message = isinstance(inner, str)
            yield from flatten(inner, path if is_message else (*path, str(place)))
    else:
        yield Detail(location=".".join(path), message=str(errors))
