"""What wants a sign-in of the last ten minutes, and that nothing typed is lost on the way there."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from django.test import Client

from orgs.models import ApiKey, Organization, User
from orgs.models.rights import CI_PERMISSIONS
from tests import factories
from tests.conftest import signed_in, stale
from tests.orgs.test_accounts import sign_up

NEW = "/o/northwind/settings/api-keys/new/"
TYPED = {"name": "nightly", "permissions": list(CI_PERMISSIONS)[:2], "expires": "30"}


class Hidden(HTMLParser):
    """The hidden fields of a page's form, and where it goes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self.action = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action") or ""
        if tag == "input" and given.get("type") == "hidden":
            self.fields.setdefault(given["name"] or "", []).append(given.get("value") or "")


def confirm(client: Client, address: str, password: str = factories.PASSWORD) -> str:
    following = unquote(address.partition("next=")[2])
    answer = client.post("/account/reauthenticate/", {"password": password, "next": following})
    return answer.headers.get("Location", "")


def test_a_fresh_sign_in_makes_a_key_at_once(northwind: Organization, olivia: User) -> None:
    assert signed_in(olivia).post(NEW, TYPED).status_code == 200
    assert ApiKey.objects.count() == 1


def test_signing_up_and_signing_in_are_fresh(client: Client, olivia: User) -> None:
    sign_up(client)
    assert client.get("/account/security/app/").status_code == 200
    other = Client()
    other.post("/account/login/", {"login": olivia.email, "password": factories.PASSWORD})

    assert other.get("/account/security/app/").status_code == 200


def test_a_stale_form_is_offered_again_as_it_was_typed(
    northwind: Organization, olivia: User
) -> None:
    client = stale(olivia)

    held_up = client.post(NEW, TYPED)
    assert held_up["Location"] == "/account/reauthenticate/?next=%2Faccount%2Fcontinue%2F"
    assert not ApiKey.objects.exists()
    following = confirm(client, held_up["Location"])
    offered = Hidden(client.get(following).content.decode())
    offered.fields.pop("csrfmiddlewaretoken")
    sent = client.post(offered.action, offered.fields)

    assert offered.action == NEW
    assert offered.fields == {
        "name": ["nightly"],
        "permissions": TYPED["permissions"],
        "expires": ["30"],
    }
    assert sent.status_code == 200
    assert ApiKey.objects.get().name == "nightly"
    assert client.get("/account/continue/")["Location"] == "/"  # it is offered once


def test_what_was_typed_is_sealed_in_the_session(northwind: Organization, olivia: User) -> None:
    client = stale(olivia)
    client.post(NEW, TYPED)

    assert "nightly" not in str(dict(client.session.items()))


def test_a_stale_page_is_come_back_to(northwind: Organization, olivia: User) -> None:
    key, _ = factories.make_key(northwind)
    page = f"/o/northwind/settings/api-keys/{key.uid}/revoke/"
    client = stale(olivia)

    following = confirm(client, client.get(page)["Location"])

    assert following == page
    assert client.get(page).status_code == 200


def test_a_dialog_leads_the_whole_page_to_the_confirmation(
    northwind: Organization, olivia: User
) -> None:
    key, _ = factories.make_key(northwind)
    page = f"/o/northwind/settings/api-keys/{key.uid}/revoke/"

    answer = stale(olivia).get(page, headers={"HX-Request": "true"})

    assert answer["HX-Redirect"].startswith("/account/reauthenticate/?next=%2Fo%2Fnorthwind")


def test_a_wrong_password_confirms_nothing(northwind: Organization, olivia: User) -> None:
    client = stale(olivia)
    held_up = client.post(NEW, TYPED)

    assert confirm(client, held_up["Location"], password="wrong") == ""
    assert client.get("/account/continue/").status_code == 302
    assert client.post(NEW, TYPED).status_code == 302
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("who", ["uma", "sam"])
def test_whoever_lacks_the_right_is_not_asked_to_confirm(
    cast: dict[str, User], northwind: Organization, who: str
) -> None:
    assert stale(cast[who]).post(NEW, TYPED).status_code == (403 if who == "uma" else 404)


def test_a_form_kept_for_somebody_else_is_not_shown(
    northwind: Organization, olivia: User, max: User
) -> None:
    client = stale(olivia)
    client.post(NEW, TYPED)
    kept = client.session["kept_form"]
    other = signed_in(max)
    session = other.session
    session["kept_form"] = kept
    session.save()

    assert other.get("/account/continue/")["Location"] == "/"


def test_only_pages_of_this_host_are_come_back_to(olivia: User) -> None:
    assert confirm(stale(olivia), "?next=https://evil.example/") == "/"
