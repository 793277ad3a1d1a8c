"""The gate of the administration: site administrators with two-factor, and nobody else.

For everybody else, whoever is not signed in included, there is nothing at these addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeGuard

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, path

from hydra.staff import Listing
from orgs.access import fresh, has_two_factor
from orgs.models import User

# Signing in and out and passwords have pages of ours, which are throttled and ask for two-factor.
NOT_HERE = {"login", "logout", "password_change", "password_change_done", "view_on_site"}

Page = Callable[..., HttpResponseBase]


class Site(admin.AdminSite):
    """All models of ours, for whoever runs this installation."""

    site_header = "Hydra administration"
    site_title = "Hydra administration"
    index_title = "Everything in this installation"
    site_url = "/"
    enable_nav_sidebar = True

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Ours alone: what other packages bring along would show the seeds of authenticators."""
        if admin_class is not None and issubclass(admin_class, Listing):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the gate let the request in; the pages ask this several times."""
        return getattr(request, "is_admitted", False)

    def get_urls(self) -> list[Any]:
        urls = [url for url in super().get_urls() if getattr(url, "name", "") not in NOT_HERE]
        for pattern in all_patterns(urls):
            pattern.callback = gate(pattern.callback)
        return urls


def all_patterns(urls: list[Any]) -> Iterator[URLPattern]:
    for url in urls:
        if isinstance(url, URLResolver):
            yield from all_patterns(url.url_patterns)
        else:
            yield url


def gate(view: Page) -> Page:
    """A page that does not exist except for administrators, who must have two-factor."""

    @login_not_required  # the way to the sign-in page would tell that there is something
    @wraps(view)
    def entered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not is_administrator(request.user):
            raise Http404
        if not has_two_factor(request.user):
            return render(request, "admin/two_factor.html", status=403)
        request.is_admitted = True  # type: ignore[attr-defined]  # ours, on Django's class
        # Rights and plans are changed here: an open browser alone does not suffice.
        answer = fresh(view) if request.method == "POST" else view
        return answer(request, *args, **kwargs)

    return entered


def is_administrator(user: object) -> TypeGuard[User]:
    return isinstance(user, User) and user.is_active and user.is_staff


@gate
def enter(_request: HttpRequest) -> HttpResponse:
    return redirect("admin:index")


# Without it the slash would be appended for anybody, and tell that there is something.
entrance = path("admin", enter)
