"""The main job, as people see it: a version comes, its deployment runs, the matrix shows it."""

from __future__ import annotations

import itertools
import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Hydra, sign_in
from tests.browser.watching import PHONE

numbers = itertools.count(1)


def create(hydra: Hydra) -> tuple[str, str]:
    """Let the pipeline create the next version of `reports`: it, and the deployment it starts."""
    version = f"v{next(numbers)}.0.0"
    answer = hydra.installation.call(
        "POST",
        f"/api/externals/version/create?appCode=reports&version={version}",
    )
    assert answer.status == 201, answer
    started: list[dict[str, Any]] = answer.body["deployments"]
    return version, str(started[0]["id"])


def never_reloads(page: Page) -> None:
    """Leaves a mark that a reload would wipe out."""
    page.evaluate("window.mark = true")


def was_never_reloaded(page: Page) -> bool:
    return bool(page.evaluate("window.mark === true"))


def test_a_version_is_watched_from_the_queue_to_the_matrix_without_a_reload(
    page: Page, hydra: Hydra
) -> None:
    sign_in(page, hydra)
    first, ahead = create(hydra)
    second, uid = create(hydra)
    page.goto(f"{hydra.org}/deployments/{uid}/")
    never_reloads(page)
    badge = page.locator("[data-deployment-state]")

    expect(badge).to_have_text("Queued")
    expect(page.get_by_text(f"Waits behind {first} in the queue")).to_be_visible()

    hydra.open_gate(first)
    hydra.installation.wait_until(ahead, "succeeded")
    expect(badge).to_have_text("Running")
    expect(page.get_by_role("log")).to_contain_text(f"collecting for {second}")
    expect(page.get_by_role("log")).to_contain_text("waiting")
    waiting = page.locator(".steps li", has_text="Wait at the gate")
    expect(waiting).to_have_attribute("data-state", "running")
    expect(waiting.locator(".took")).to_have_text(re.compile(r"\d s"))

    hydra.open_gate(second)
    expect(badge).to_have_text("Succeeded")
    expect(page.get_by_role("log")).to_contain_text("through the gate")
    expect(page.locator("#deployment-facts")).to_contain_text("Took")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page).to_have_title(re.compile(f"^Succeeded: reports {second} to Development"))
    assert was_never_reloaded(page)

    page.goto(f"{hydra.org}/")
    row = page.get_by_role("row", name="reports")
    expect(row.get_by_role("link", name=re.compile(f"Succeeded: {second}"))).to_be_visible()


def test_the_matrix_follows_by_itself_and_keeps_what_one_typed(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{hydra.org}/projects/office/")
    expect(owner.get_by_text("Updated live")).to_be_visible()
    never_reloads(owner)
    owner.get_by_label("Filter applications").fill("repo")
    expect(owner).to_have_url(re.compile(r"\?filter=repo$"))

    version, uid = create(hydra)

    expect(owner.get_by_role("link", name=re.compile(f"Running: .*{version}"))).to_be_visible()
    hydra.open_gate(version)
    expect(owner.get_by_role("link", name=re.compile(f"Succeeded: {version}"))).to_be_visible()
    expect(owner.locator(f"#row-{uid}")).to_contain_text("Succeeded")
    expect(owner.get_by_label("Filter applications")).to_have_value("repo")
    expect(owner.get_by_label("Filter applications")).to_be_focused()
    assert was_never_reloaded(owner)


def test_an_empty_list_tells_of_the_first_row(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{hydra.org}/deployments/?application=reports&state=running")
    expect(owner.get_by_text("No deployment fits the filter")).to_be_visible()
    expect(owner.locator("body[data-live=yes]")).to_be_attached()

    version, uid = create(hydra)

    owner.get_by_role("button", name="1 new deployment", exact=True).click()
    expect(owner.locator(f"#row-{uid}")).to_contain_text(version)
    hydra.open_gate(version)


def test_new_rows_of_a_list_wait_behind_a_button(owner: Page, hydra: Hydra) -> None:
    earlier, _ = create(hydra)
    hydra.open_gate(earlier)
    owner.goto(f"{hydra.org}/deployments/?application=reports")
    expect(owner.locator("body[data-live=yes]")).to_be_attached()
    rows = owner.locator("#deployment-rows tr")
    before = rows.count()

    version, uid = create(hydra)

    news = owner.get_by_role("button", name="1 new deployment", exact=True)
    expect(news).to_be_visible()
    assert rows.count() == before
    news.click()
    expect(owner.locator(f"#row-{uid}")).to_contain_text(version)
    hydra.open_gate(version)
    expect(owner.locator(f"#row-{uid}")).to_contain_text("Succeeded")


def test_a_row_of_the_phone_says_where(owner: Page, hydra: Hydra) -> None:
    owner.set_viewport_size(PHONE)
    owner.goto(f"{hydra.org}/deployments/")

    expect(owner.locator("#deployment-rows .where").first).to_be_visible()
