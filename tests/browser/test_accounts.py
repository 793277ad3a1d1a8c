"""Coming in by the door."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Hydra


def test_an_invite_code_leads_into_the_organization(page: Page, hydra: Hydra) -> None:
    page.goto("/account/signup/")
    page.get_by_label("Name", exact=True).fill("Robin Newcomer")
    page.get_by_label("E-mail").fill("robin@northwind.example")
    page.get_by_label("Password").fill("a sentence that nobody guesses")
    page.get_by_label("Invite Code").fill(hydra.scene["invite"])
    page.get_by_role("button", name="Sign up").click()

    page.wait_for_url(f"**{hydra.org}/")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    expect(page.get_by_role("row", name="payment-api")).to_be_visible()


def test_a_refused_code_stands_at_its_field_and_keeps_what_was_typed(
    page: Page, hydra: Hydra
) -> None:
    page.goto("/account/signup/")
    page.get_by_label("Name", exact=True).fill("Robin Newcomer")
    page.get_by_label("E-mail").fill("robin.two@northwind.example")
    page.get_by_label("Password").fill("a sentence that nobody guesses")
    page.get_by_label("Invite Code").fill("hyi_nonsense")
    page.get_by_role("button", name="Sign up").click()

    code = page.get_by_label("Invite Code")
    expect(code).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("E-mail")).to_have_value("robin.two@northwind.example")


def test_whoever_is_not_signed_in_is_brought_back_after_the_door(page: Page, hydra: Hydra) -> None:
    page.goto(f"{hydra.org}/deployments/?state=failed")
    page.get_by_label("E-mail").fill(hydra.installation.facts["email"])
    page.get_by_label("Password").fill(hydra.installation.facts["password"])
    page.get_by_role("button", name="Sign in").click()

    page.wait_for_url(re.compile(r"/deployments/\?state=failed$"))
