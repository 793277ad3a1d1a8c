"""The administration is there for site administrators with two-factor, and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from orgs.models import Organization, Role, User
from tests import factories
from tests.conftest import signed_in, stale

pytestmark = pytest.mark.django_db

ROUTES = ("/admin", "/admin/", "/admin/login/", "/admin/nothing", "/admin/orgs/user/1/change/")


def admin_patterns(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from admin_patterns(pattern.url_patterns)
        else:
            yield pattern


def below_admin() -> list[URLPattern]:
    (resolver,) = (
        one
        for one in get_resolver().url_patterns
        if isinstance(one, URLResolver) and one.app_name == "admin"
    )
    return list(admin_patterns(resolver.url_patterns))


@pytest.mark.parametrize("role", ["anonymous", *Role])
@pytest.mark.parametrize("path", ROUTES)
def test_there_is_nothing_for_anybody_else(path: str, role: str) -> None:
    org = factories.make_org()
    user = None if role == "anonymous" else factories.make_member(org, Role(role))
    desk = signed_in(user) if user is not None else Client()
    nothing = desk.get("/nothing-is-here/")

    for answer in (desk.get(path), desk.post(path)):
        assert answer.status_code == 404
        assert str(answer.templates) == str(nothing.templates)


def test_every_route_passes_the_gate() -> None:
    patterns = below_admin()

    assert len(patterns) > 100
    for pattern in patterns:
        assert pattern.callback.login_required is False, pattern  # type: ignore[attr-defined]  # set by the gate
        assert "gate" in pattern.callback.__code__.co_qualname, pattern


def test_who_has_no_two_factor_yet_is_told_to_set_it_up() -> None:
    desk = signed_in(factories.make_user("new@hydra.example", is_staff=True))

    for path in ROUTES:
        answer = desk.get(path)
        assert answer.status_code == 403
        assert "needs two-factor" in answer.content.decode()


def test_an_administrator_who_may_no_longer_sign_in_finds_nothing(desk: Client, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(is_active=False)

    assert desk.get("/admin/").status_code == 404


def test_an_administrator_without_the_flag_finds_nothing(desk: Client, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(is_staff=False)

    assert desk.get("/admin/").status_code == 404


def test_signing_in_is_not_done_here(desk: Client) -> None:
    names = {pattern.name for pattern in below_admin()}

    assert names.isdisjoint({"login", "logout", "password_change", "password_change_done"})
    assert desk.get("/admin", follow=True).status_code == 200
    assert "Hydra administration" in desk.get("/admin/").content.decode()


def test_changing_takes_a_fresh_sign_in(ada: User, northwind: Organization) -> None:
    desk = stale(ada)
    place = f"/admin/orgs/organization/{northwind.pk}/change/"
    form = {"plan": "team", "requests_per_minute": "700", "suspension_reason": ""}

    held_up = desk.post(place, form)

    assert held_up["Location"].startswith("/account/reauthenticate/")
    northwind.refresh_from_db()
    assert northwind.plan == "enterprise"
    assert desk.get(place).status_code == 200  # looking takes none


def test_whoever_is_no_administrator_is_not_even_asked_to_confirm(sam: User) -> None:
    assert stale(sam).post("/admin/").status_code == 404
