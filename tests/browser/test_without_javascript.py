"""Every main act is plain HTML first."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Hydra, sign_in


def test_sign_in(browser: Browser, hydra: Hydra) -> None:
    context = browser.new_context(base_url=hydra.url, java_script_enabled=False)
    page = context.new_page()

    sign_in(page, hydra)

    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    context.close()


def test_deploy_and_cancel(plain: Page, hydra: Hydra) -> None:
    plain.goto(f"{hydra.org}/projects/checkout/")
    plain.get_by_role("link", name="Deploy payment-api to Development").focus()
    plain.keyboard.press("Enter")
    plain.get_by_label("Version", exact=True).select_option("v1.9.0-rc2")
    plain.get_by_role("button", name="Show this one").click()
    plain.get_by_role("button", name="Deploy v1.9.0-rc2 to Development").click()

    expect(plain.get_by_role("heading", level=1)).to_contain_text("v1.9.0-rc2 to Development")
    plain.get_by_role("button", name="Cancel").click()
    # The page fetches itself anew every few seconds while the deployment lasts.
    expect(plain.locator("[data-deployment-state]")).to_have_text("Canceled", timeout=20_000)


def test_read_a_log(plain: Page, hydra: Hydra) -> None:
    plain.goto(hydra.deployment("failed"))

    migration = plain.locator("#step-log-1")
    expect(migration).to_contain_text("ERROR: canceling statement due to lock timeout")
    expect(plain.locator("#step-log-0")).to_contain_text("Pulling storefront:v2.4.0")
    assert "\x1b" not in plain.content()
    plain.goto(f"{hydra.strained}/deployments/{hydra.scene['strain']['hostile']}/")
    expect(plain.locator("#step-log-0")).to_contain_text("<script>window.owned = true")
    expect(plain.locator("#step-log-0")).to_contain_text("progress 100%")
    expect(plain.locator("#step-log-0")).not_to_contain_text("progress 50%")


def test_filter_a_list(plain: Page, hydra: Hydra) -> None:
    plain.goto(f"{hydra.org}/deployments/")
    plain.get_by_label("State").select_option("failed")
    plain.get_by_role("button", name="Filter").click()

    plain.wait_for_url(re.compile("state=failed"))
    assert set(plain.locator("#deployment-rows .state").all_inner_texts()) == {"Failed"}


def test_unfold_the_versions_of_an_application(plain: Page, hydra: Hydra) -> None:
    plain.goto(f"{hydra.org}/projects/checkout/")
    plain.get_by_label("Versions of worker").click()

    expect(plain.locator("#matrix").get_by_role("row", name="v1.8.3").last).to_contain_text(
        "Runs here"
    )


def test_the_tabs_of_a_deployment_are_links_to_its_parts(plain: Page, hydra: Hydra) -> None:
    plain.goto(hydra.deployment("succeeded"))
    plain.get_by_role("link", name="Events").click()

    expect(plain.get_by_role("heading", name="Events")).to_be_in_viewport()


def test_what_is_asked_before_harm_stands_on_the_page(plain: Page, hydra: Hydra) -> None:
    """In a dialog it is the title; the page has it as its heading, or as the card's."""
    asked = {
        "settings/api-keys/": ("Revoke", "Revoke "),
        "settings/environments/": ("Delete Development", "Delete Development"),
        "applications/storefront/steps/": ("Delete ", "Delete "),
    }

    for path, (link, question) in asked.items():
        plain.goto(f"{hydra.org}/{path}")
        plain.get_by_role("link", name=link).first.click()

        expect(plain.get_by_role("heading", name=question)).to_be_visible()
        expect(plain.get_by_role("heading", name=question)).to_have_count(1)
