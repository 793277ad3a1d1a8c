"""The log: inert, bounded, exact, and easy to find one's way in."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Hydra
from tests.browser.test_main_job import create

MOST_LINES = 20_000


def strained(hydra: Hydra, name: str) -> str:
    return f"{hydra.strained}/deployments/{hydra.scene['strain'][name]}/"


def ended(page: Page) -> Locator:
    """The log, once all of it has come."""
    log = page.locator("[data-log]")
    expect(log).to_have_attribute("data-ended", "seen", timeout=120_000)
    return log


def test_hostile_output_is_text_and_nothing_else(owner: Page, hydra: Hydra) -> None:
    owner.goto(strained(hydra, "hostile"))
    log = ended(owner)

    lines = log.locator("li code")
    expect(lines.nth(0)).to_have_text(
        '<script>window.owned = true; document.title = "owned"</script>'
    )
    expect(lines.nth(1)).to_have_text('<img src=x onerror="window.owned = true">&lt;b&gt;')
    expect(lines.nth(2)).to_have_text("cleared red bright plain")
    expect(lines.nth(2).locator("[data-colour=red]").first).to_have_text("red")
    expect(lines.nth(3)).to_have_text("progress 100%")
    expect(lines.nth(4)).to_have_text("broken �� bytes and € and 🐉")
    expect(lines.nth(5)).to_have_text("nul · bell · backspace · end")
    expect(lines.nth(6)).to_have_text("a link")
    expect(lines.nth(7)).to_contain_text("line cut, download the log for the rest")
    expect(log.locator("script, img, a[href^=javascript]")).to_have_count(0)
    assert owner.evaluate("window.owned") is None
    assert "hostile" not in owner.title()  # the title is the application's name, with its brackets
    assert "<img src=x onerror=alert(1)> v1 to Development" in owner.title()


def test_steps_cut_the_log_where_they_begin_even_within_a_line(owner: Page, hydra: Hydra) -> None:
    owner.goto(strained(hydra, "hostile"))
    ended(owner)

    attack, after, silent = (owner.locator(f"#step-log-{n}") for n in range(3))
    expect(attack.locator("li code").last).to_have_text("no line end here")
    expect(after.locator("li code")).to_have_text(["afterwards"])
    expect(silent).to_contain_text("It printed nothing.")
    after.locator("summary").click()
    expect(after.locator("li")).to_be_hidden()


def test_a_long_log_keeps_the_page_bounded_and_says_what_is_missing(
    owner: Page, hydra: Hydra
) -> None:
    owner.goto(strained(hydra, "long_log"))
    log = ended(owner)

    assert log.locator("li").count() <= MOST_LINES
    expect(log).to_contain_text(re.compile(r"[\d,]+ earlier lines are not shown here"))
    expect(log.locator("li").last).to_contain_text("the end")
    expect(log.locator("li a").last).to_have_text("50003")


def test_a_link_to_a_line_opens_and_shows_it_also_in_a_long_log(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{strained(hydra, 'long_log')}#L12")
    log = ended(owner)

    line = owner.locator("#L12")
    expect(line).to_contain_text("10: a line of a long log")
    expect(line).to_be_in_viewport()
    expect(line).to_have_attribute("data-chosen", "")
    expect(log).to_contain_text(re.compile(r"[\d,]+ later lines are not shown here"))


def test_search_steps_through_what_it_finds(owner: Page, hydra: Hydra) -> None:
    owner.goto(hydra.deployment("failed"))
    log = ended(owner)
    expect(owner.locator("#step-log-0 li").first).to_be_hidden()  # folded, for a later one failed

    owner.get_by_label("Search the log").fill("storefront")
    expect(log).to_contain_text("1 found")
    owner.keyboard.press("Enter")
    expect(log).to_contain_text("1 of 1")
    expect(owner.locator("#step-log-0 li").first).to_be_in_viewport()

    owner.get_by_label("Search the log").fill("nowhere to be seen")
    expect(log).to_contain_text("Not found")
    expect(owner.get_by_role("button", name="Next match")).to_be_disabled()


def test_lines_wrap_or_do_not(owner: Page, hydra: Hydra) -> None:
    owner.goto(strained(hydra, "hostile"))
    log = ended(owner)
    long_line = log.locator("li").nth(7)
    wrapped = long_line.bounding_box()

    owner.get_by_label("Wrap").click()

    unwrapped = long_line.bounding_box()
    assert wrapped is not None
    assert unwrapped is not None
    assert unwrapped["height"] < wrapped["height"] / 10


def test_after_a_pause_nothing_is_missing_and_nothing_doubled(owner: Page, hydra: Hydra) -> None:
    version, uid = create(hydra)
    owner.goto(f"{hydra.org}/deployments/{uid}/")
    expect(owner.get_by_role("log")).to_contain_text("waiting")

    with owner.expect_response("**/stream?*", timeout=40_000):
        owner.evaluate("window.dispatchEvent(new Event('pagehide'))")  # as a sleeping laptop
        owner.evaluate(
            "window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
        )
    hydra.open_gate(version)

    log = ended(owner)
    shown = [line.replace("\xa0", " ") for line in log.locator("li code").all_inner_texts()]
    assert shown == [f"collecting for {version}", "waiting", "through the gate"]


def test_a_broken_connection_is_told_until_it_mends(owner: Page, hydra: Hydra) -> None:
    version, uid = create(hydra)
    page = owner.context.new_page()  # its console is right to complain
    page.route("**/stream?*", lambda route: route.abort())
    page.goto(f"{hydra.org}/deployments/{uid}/")
    notice = page.get_by_text("The connection broke and is tried again")
    expect(notice).to_be_visible()

    page.unroute("**/stream?*")

    expect(page.get_by_role("log")).to_contain_text("waiting", timeout=20_000)
    expect(notice).to_be_hidden()
    hydra.open_gate(version)
    expect(page.locator("[data-deployment-state]")).to_have_text("Succeeded")


@pytest.mark.parametrize("tab", ["Snapshot", "Events"])
def test_tabs_show_one_part_at_a_time(owner: Page, hydra: Hydra, tab: str) -> None:
    owner.goto(hydra.deployment("succeeded"))
    owner.get_by_role("link", name=tab).click()

    expect(owner.get_by_role("heading", name=tab)).to_be_visible()
    expect(owner.locator("[data-log]")).to_be_hidden()
