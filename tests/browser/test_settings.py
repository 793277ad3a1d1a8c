"""What the settings' pages do with a script, on top of what they do without."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from orgs.auth import authenticate_key
from orgs.models import Organization
from tests import factories

NAMES = ["Development", "Staging", "Production"]


@pytest.fixture
def org(transactional_db: None) -> Organization:
    owner = factories.make_user("olivia@northwind.example", name="Olivia Owner")
    org = factories.make_org("Northwind", owner=owner)
    for name in NAMES:
        factories.make_environment(org, name)
    return org


@pytest.fixture
def settings_page(page: Page, live_server: LiveServer, org: Organization) -> Page:
    """A browser in which the owner has signed in; any broken script fails the test."""
    page.on("pageerror", lambda error: pytest.fail(f"A script broke: {error}"))
    page.goto(f"{live_server.url}/account/login/?next=/o/{org.slug}/settings/environments/")
    page.get_by_label("E-mail").fill("olivia@northwind.example")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Environments")
    return page


def order(page: Page) -> list[str]:
    return page.locator(".rows strong").all_text_contents()


def test_environments_are_dragged_and_their_order_saved(settings_page: Page) -> None:
    page = settings_page
    handles = page.locator("[data-handle]")

    handles.nth(2).drag_to(handles.nth(0))
    expect(page.locator("[data-order-save].primary")).to_be_visible()
    page.get_by_role("button", name="Save Order").click()

    expect(page.get_by_text("The order is saved.")).to_be_visible()
    assert order(page) == ["Production", "Development", "Staging"]


def test_environments_are_moved_by_keyboard(settings_page: Page) -> None:
    page = settings_page

    page.get_by_role("button", name="Move Production up").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_text("The order is saved.")).to_be_visible()
    assert order(page) == ["Development", "Production", "Staging"]


def test_an_environment_is_renamed_in_a_dialog(settings_page: Page) -> None:
    page = settings_page

    page.get_by_role("link", name="Rename Staging").click()
    dialog = page.get_by_role("dialog", name="Rename Staging")
    dialog.get_by_label("Name").fill("Acceptance")
    dialog.get_by_role("button", name="Rename").click()

    expect(page.get_by_text("It is called Acceptance now.")).to_be_visible()
    assert order(page) == ["Development", "Acceptance", "Production"]


def test_the_empty_row_invites_and_the_link_lets_somebody_in(
    settings_page: Page, live_server: LiveServer, browser: Browser
) -> None:
    page = settings_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    page.get_by_role("link", name="Users & Permissions", exact=True).click()
    page.get_by_role("link", name="Invite somebody…").click()
    dialog = page.get_by_role("dialog", name="Invite User")
    dialog.get_by_label("Manager").check()
    dialog.get_by_role("button", name="Create Invite").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = urlsplit(page.evaluate("navigator.clipboard.readText()"))

    newcomer = browser.new_context().new_page()
    newcomer.goto(f"{live_server.url}{link.path}?{link.query}")
    newcomer.get_by_label("Name", exact=True).fill("Nora Newcomer")
    newcomer.get_by_label("E-mail").fill("nora@northwind.example")
    newcomer.get_by_label("Password").fill(factories.PASSWORD)
    newcomer.get_by_role("button", name="Sign up").click()
    newcomer.wait_for_url("**/o/northwind/")
    newcomer.context.close()

    page.get_by_role("link", name="Users & Permissions", exact=True).click()
    row = page.get_by_role("row", name="Nora Newcomer")
    expect(row).to_contain_text("Manager")
    row.get_by_role("link", name="Remove Nora Newcomer").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove Nora Newcomer").click()
    expect(page.get_by_text("Nora Newcomer is no longer a member.")).to_be_visible()


def test_a_key_is_created_and_copied(settings_page: Page, live_server: LiveServer) -> None:
    page = settings_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    page.get_by_role("link", name="API keys").click()

    page.get_by_label("Name").fill("ci")
    page.get_by_role("button", name="Create key").click()
    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied: str = page.evaluate("navigator.clipboard.readText()")
    assert authenticate_key(copied).org.slug == "northwind"


def test_search_opens_by_key_and_finds_as_one_types(settings_page: Page, org: Organization) -> None:
    page = settings_page
    factories.make_project(org, "Web shop")

    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("shop")

    expect(dialog.get_by_role("link", name="Web shop")).to_be_visible()
    page.keyboard.press("Escape")  # empties the field
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_attached()
