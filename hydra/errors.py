"""The one exception family that crosses from the domain to the edges.

What only one service refuses stands beside that service; here are the general kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import NotRequired, Required, Self, TypedDict


class Detail(TypedDict, total=False):
    """One thing that is wrong, where it is, and what would put it right."""

    location: Required[str]
    message: Required[str]
    fix: NotRequired[str]


class Refused(Exception):
    """A rule of the domain says no.

    The message is written for the person who asked and is safe to show them.
    `code` is for programs; `status` is the HTTP status that the edge answers with.
    """

    code: str = "refused"
    status: int = HTTPStatus.CONFLICT
    retry_after_seconds: int | None = None

    def __init__(self, message: str, *, details: Sequence[Detail] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details: list[Detail] = list(details)

    def __str__(self) -> str:
        return self.message


class DatabaseAway(Refused):
    """Nothing can be asked of the database now; a moment later it is there again."""

    code = "unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retry_after_seconds = 2

    def __init__(self) -> None:
        super().__init__("The database does not answer. Try again in a moment.")


class NotFound(Refused):
    """It does not exist, or belongs to somebody else: the two must not be told apart."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class Forbidden(Refused):
    """The actor is known here but lacks a right, and is told which."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, right: str, message: str = "") -> None:
        sentence = message or f"This needs the permission {right}."
        fix = f"Ask an owner of the organization for {right}."
        detail = Detail(location="permission", message=f"{right} is missing.", fix=fix)
        super().__init__(sentence, details=[detail])
        self.right = right


class Suspended(Refused):
    """The whole organization is closed for now, by whoever runs the installation."""

    code = "organization_suspended"
    status = HTTPStatus.FORBIDDEN


class Invalid(Refused):
    """What was sent cannot be accepted as it stands; `details` say where."""

    code = "invalid"
    status = HTTPStatus.BAD_REQUEST

    @classmethod
    def at(cls, location: str, message: str, fix: str = "") -> Self:
        """One mistake at one place, such as `environments.2.name`."""
        detail = Detail(location=location, message=message)
        if fix:
            detail["fix"] = fix
        return cls(message, details=[detail])


class Conflict(Refused):
    """It clashes with what is already there."""

    code = "conflict"
    status = HTTPStatus.CONFLICT


class Unavailable(Refused):
    """It cannot be done right now; the same request may succeed later."""

    code = "unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(
        self, message: str, *, details: Sequence[Detail] = (), retry_after_seconds: int = 5
    ) -> None:
        super().__init__(message, details=details)
        self.retry_after_seconds = retry_after_seconds
