"""A second thing that proves who one is: an app's codes, and a passkey of the device."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Hydra
from tests.orgs.test_accounts_security import code_of

PASSWORD = "a sentence that nobody guesses"  # of people who live for one test


def sign_up(page: Page, door: str, email: str) -> None:
    page.goto(f"{door}/account/signup/")
    page.get_by_label("Name", exact=True).fill("Tess Twofold")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    page.wait_for_url("**/o/**")


def sign_out(page: Page, door: str) -> None:
    page.goto(f"{door}/account/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/login/**")


def test_two_factor_is_set_up_and_signs_in(page: Page, hydra: Hydra) -> None:
    sign_up(page, hydra.url, "tess@northwind.example")
    page.goto("/account/security/")
    page.get_by_role("link", name="Set up an app").click()
    secret = page.locator("#totp-secret").inner_text()
    page.get_by_label("Code of the app").fill(code_of(secret))
    page.get_by_role("button", name="Switch it on").click()

    expect(page.get_by_role("heading", level=1, name="Recovery codes")).to_be_visible()
    expect(page.get_by_role("heading", level=2, name="10 of 10 codes are left")).to_be_visible()
    sign_out(page, hydra.url)
    page.get_by_label("E-mail").fill("tess@northwind.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/account/login/code/")
    page.get_by_label("Code", exact=True).fill(code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.wait_for_url("**/o/**")


def test_a_passkey_is_added_and_signs_in_without_a_password(page: Page, hydra: Hydra) -> None:
    """At localhost: browsers know no passkeys for bare addresses."""
    door = hydra.url.replace("127.0.0.1", "localhost")
    browser = page.context.new_cdp_session(page)
    browser.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    browser.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_up(page, door, "paula@northwind.example")
    page.goto(f"{door}/account/security/passkeys/new/")
    page.get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", level=1, name="Recovery codes")).to_be_visible()

    sign_out(page, door)
    page.get_by_role("button", name="Use a passkey").click()

    page.wait_for_url("**/o/**")
    page.goto(f"{door}/account/security/")
    expect(page.get_by_text("Laptop")).to_be_visible()
