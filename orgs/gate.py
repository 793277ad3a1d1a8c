"""The API's views: what every one of them is given, and how it finds, takes and shows.

Pages have their gate in `orgs.access`. An API request has been authenticated, counted and routed
by `hydra.faces` before a view here sees it; what is left to a view is the right and the row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.viewsets import ViewSet

from hydra.api import paging
from hydra.api.answers import answer
from hydra.api.calls import Call
from hydra.api.dialects import Pagination
from hydra.api.fields import Taken
from hydra.api.paging import Order
from hydra.errors import Forbidden
from orgs.access import Access, Right
from orgs.auth import TokenBearer
from orgs.models import Actor, Organization
from orgs.models.rights import PersonalRight, permission

ModelT = TypeVar("ModelT", bound=Model)
RowsT = TypeVar("RowsT", bound=QuerySet[Any])


@cache
def checker(shape: type[Taken]) -> Taken:
    """One serializer for all requests, since validating leaves no trace in it.

    Making one copies all its fields, which takes twenty times as long as validating does.
    """
    return shape()


class FaceViewSet(ABC, ViewSet):
    """A view of the API. The gate has done all that DRF would do before the handler."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    is_personal = False
    call: Call

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Straight to the handler."""
        self.args, self.kwargs = args, kwargs
        self.call = request.call  # type: ignore[attr-defined]  # the gate's
        self.admit(request)
        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            self.call.headers["Allow"] = ", ".join(self.allowed_methods)
            raise MethodNotAllowed(request.method or "")
        response: HttpResponse = getattr(self, method)(request, *args, **kwargs)
        return response

    @abstractmethod
    def admit(self, request: HttpRequest) -> None:
        """Take over whom the gate has let in."""

    def take(self, shape: type[Taken]) -> dict[str, Any]:
        """The body that was sent, in `shape`; else 400 with every field that is wrong."""
        return self.take_from(shape, self.call.sent)

    def take_from(self, shape: type[Taken], sent: dict[str, Any]) -> dict[str, Any]:
        taken: dict[str, Any] = checker(shape).run_validation(sent)
        return taken

    def show(self, shown: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
        body = self.call.dialect.success(shown, self.call.request_id)
        return answer(body, status=status)

    def deleted(self) -> HttpResponse:
        return answer({"deleted": True})

    @property
    @abstractmethod
    def place(self) -> str:
        """What the cursors of this list are bound to."""

    def show_page(
        self,
        rows: QuerySet[ModelT],
        show: Callable[[ModelT], Mapping[str, Any]],
        *,
        order: Order = paging.NEWEST_FIRST,
    ) -> HttpResponse:
        """The page of `rows` that the query asks for."""
        query = self.call.request.GET
        page = paging.paginate(rows, query=query, place=self.place, order=order)
        return self.show_list([show(row) for row in page.rows], page.pagination)

    def show_list(self, shown: list[Mapping[str, Any]], pagination: Pagination) -> HttpResponse:
        return answer(self.call.dialect.listing(shown, pagination, self.call.request_id))


class OrgViewSet(FaceViewSet):
    """A view of one organization's things, for the key or token that asks."""

    access: Access

    def admit(self, request: HttpRequest) -> None:
        self.access = request.access  # type: ignore[attr-defined]  # the gate's

    @property
    def org(self) -> Organization:
        return self.access.org

    @property
    def actor(self) -> Actor:
        return self.access.actor

    @property
    def place(self) -> str:
        return f"{self.org.uid}{self.call.request.path}"

    def require(self, right: Right, scope: str = "") -> None:
        self.access.require(right, scope)

    def granted(self, rows: RowsT, right: Right, *, field: str = "uid") -> RowsT:
        """Of `rows` those that the right is granted on; 403 when it is granted on none."""
        scopes = self.access.scopes(right)
        return rows if scopes is None else rows.filter(**{f"{field}__in": scopes})


class PersonalViewSet(FaceViewSet):
    """A view of what is a person's and no organization's: for personal tokens alone."""

    is_personal = True
    needs: PersonalRight = PersonalRight.TOKEN_READ
    bearer: TokenBearer

    def admit(self, request: HttpRequest) -> None:
        bearer = request.bearer  # type: ignore[attr-defined]  # the gate's
        if not isinstance(bearer, TokenBearer):
            right = permission(self.needs)
            raise Forbidden(right, f"This needs a personal token that has {right}.")
        self.bearer = bearer

    @property
    def actor(self) -> Actor:
        return self.bearer.actor

    @property
    def place(self) -> str:
        return f"{self.bearer.credential}{self.call.request.path}"
