"""Environments, as their pages make, rename, order and delete them."""

from __future__ import annotations

from typing import Any

import pytest

from orgs.models import Environment, Organization, User
from tests.conftest import signed_in
from tests.factories import make_environment


def test_an_environment_is_made_renamed_and_deleted(northwind: Organization, max: User) -> None:
    client = signed_in(max)
    base = "/o/northwind/settings/environments/"

    made = client.post(base + "new/", {"name": "Acceptance"}, follow=True)
    assert made.status_code == 200
    assert "Acceptance" in made.content.decode()
    uid = Environment.objects.get().uid
    client.post(f"{base}{uid}/rename/", {"name": "Abnahme"})
    assert Environment.objects.get().name == "Abnahme"
    client.post(f"{base}{uid}/delete/")
    assert not Environment.objects.exists()


def test_a_taken_name_is_an_error_at_the_field_and_stays_typed(
    northwind: Organization, max: User
) -> None:
    make_environment(northwind, "Staging")

    answer = signed_in(max).post("/o/northwind/settings/environments/new/", {"name": "staging"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="staging"' in page
    assert "An environment named “staging” exists." in page
    assert 'aria-invalid="true"' in page


@pytest.mark.parametrize(
    ("press", "order"),
    [
        ({}, "CAB"),
        ({"up": "B"}, "CBA"),
        ({"down": "C"}, "ACB"),
        ({"up": "C"}, "CAB"),
        ({"down": "B"}, "CAB"),
        ({"up": "nothing"}, "CAB"),
    ],
)
def test_the_order_is_saved_as_sent_or_one_place_on(
    northwind: Organization, max: User, press: dict[str, str], order: str
) -> None:
    uids = {name: make_environment(northwind, name).uid for name in "ABC"}
    sent: dict[str, Any] = {"uid": [uids[name] for name in "CAB"]}
    sent |= {button: uids.get(name, name) for button, name in press.items()}

    page = signed_in(max).post("/o/northwind/settings/environments/order/", sent, follow=True)

    saved = Environment.objects.in_org(northwind).values_list("name", flat=True)
    assert "".join(saved) == order
    assert "".join(shown.name for shown in page.context["environments"]) == order


def test_an_outdated_order_changes_nothing_and_says_so(northwind: Organization, max: User) -> None:
    a = make_environment(northwind, "A")
    make_environment(northwind, "B")
    here = "http://testserver/o/northwind/settings/environments/"

    answer = signed_in(max).post(
        here + "order/", {"uid": [a.uid]}, headers={"Referer": here}, follow=True
    )

    assert "the order was not saved" in answer.content.decode()
