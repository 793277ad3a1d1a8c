"""Pressing Deploy: first the effect, then one deployment, however often one clicks."""

from __future__ import annotations

import re

from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import Hydra


def listed(hydra: Hydra, project: str) -> list[str]:
    answer = hydra.installation.call("GET", f"/api/v1/projects/{project}/deployments?limit=100")
    assert answer.status == 200, answer
    return [row["id"] for row in answer.body["data"]]


def test_the_dialog_shows_the_effect_and_a_double_click_deploys_once(
    owner: Page, hydra: Hydra
) -> None:
    owner.goto(f"{hydra.org}/projects/checkout/")
    before = set(listed(hydra, "checkout"))

    owner.get_by_role("link", name="Deploy worker to Staging").click()
    dialog = owner.get_by_role("dialog", name="Deploy worker to Staging")
    expect(dialog).to_contain_text("v1.8.3")
    expect(dialog).to_contain_text("v1.8.4")
    expect(dialog).to_contain_text("Send receipts once")
    expect(dialog).to_contain_text("Pull image")
    expect(dialog.get_by_role("link", name="Close").last).to_be_focused()
    with owner.expect_navigation():
        dialog.get_by_role("button", name="Deploy v1.8.4 to Staging").dblclick()

    expect(owner.get_by_role("heading", level=1)).to_contain_text("worker v1.8.4 to Staging")
    expect(owner.locator("[data-deployment-state]")).to_have_text("Succeeded")
    assert len(set(listed(hydra, "checkout")) - before) == 1


def test_another_version_shows_another_effect_in_the_same_dialog(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{hydra.org}/projects/catalogue/")
    owner.get_by_role("link", name="Deploy search to Production").click()
    dialog = owner.get_by_role("dialog")
    choice = dialog.get_by_label("Version", exact=True)

    choice.focus()
    choice.select_option("v0.14.0")

    expect(dialog.get_by_role("button", name="Deploy v0.14.0 to Production")).to_be_visible()
    expect(choice).to_be_focused()


def test_escape_closes_the_dialog_and_gives_the_focus_back(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{hydra.org}/projects/checkout/")
    opener = owner.get_by_role("link", name="Deploy storefront to Staging")
    opener.focus()
    owner.keyboard.press("Enter")
    expect(owner.get_by_role("dialog")).to_be_visible()

    for _ in range(12):  # the page behind is out of reach
        owner.keyboard.press("Tab")
        assert owner.evaluate(
            "document.activeElement === document.body || "
            "Boolean(document.activeElement.closest('dialog'))"
        )
    owner.keyboard.press("Escape")

    expect(owner.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()


def test_what_was_typed_is_not_left_unasked(owner: Page, hydra: Hydra) -> None:
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    owner.on("dialog", leave)
    owner.goto(f"{hydra.org}/applications/worker/versions/new/")

    owner.get_by_label("Name").fill("v7")
    owner.get_by_role("link", name="Overview").first.click()

    owner.wait_for_url(re.compile("(?<!new/)$"))
    assert asked == ["beforeunload"]


def test_search_finds_by_keyboard_alone(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{hydra.org}/")

    owner.keyboard.press("Control+k")
    expect(owner.get_by_role("dialog")).to_be_visible()
    owner.keyboard.type("catalog")
    expect(owner.get_by_role("dialog").get_by_role("link", name="Catalogue")).to_be_visible()
    owner.keyboard.press("Enter")

    owner.wait_for_url("**/projects/catalogue/")


def test_shortcuts_go_where_they_say(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{hydra.org}/")

    owner.keyboard.press("?")
    expect(owner.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    owner.keyboard.press("Escape")
    owner.keyboard.press("g")
    owner.keyboard.press("d")

    owner.wait_for_url("**/deployments/")


def test_a_theme_is_chosen_and_stays(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{hydra.org}/")
    owner.locator("summary", has_text="Account:").click()
    owner.get_by_role("button", name="Theme: system").click()
    owner.get_by_role("button", name="Theme: light").click()

    owner.goto(f"{hydra.org}/deployments/")

    assert owner.evaluate("document.documentElement.dataset.theme") == "dark"
    assert owner.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_a_filter_keeps_its_place_in_the_address(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{hydra.org}/deployments/")
    owner.get_by_label("State").select_option("failed")

    owner.wait_for_url(re.compile("state=failed"))
    states = owner.locator("#deployment-rows .state")
    expect(states.first).to_have_text("Failed")
    assert set(states.all_inner_texts()) == {"Failed"}
