"""Every page that a link leads to: quiet, within its frame, and open to everybody.

One walk along all links, by the demo's owner, sees each named page once. So a page that somebody
adds tomorrow is looked at as soon as something links to it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Page, expect

from tests.browser.conftest import Hydra
from tests.browser.watching import DESK, PHONE, overflow, violations, watch

# The walk must have come to these; without them it would prove little.
SECTIONS = {
    "agents:create",
    "agents:list",
    "deployments:deploy",
    "deployments:detail",
    "deployments:list",
    "deployments:overview",
    "deployments:project",
    "deployments:version",
    "deployments:version-new",
    "orgs:account",
    "orgs:environments",
    "orgs:invites",
    "orgs:keys",
    "orgs:members",
    "projects:agents",
    "projects:application",
    "projects:application-settings",
    "projects:applications",
    "projects:config-files",
    "projects:configurations",
    "projects:create",
    "projects:deploy-script",
    "projects:environments",
    "projects:list",
    "deployments:project-rules",
    "deployments:rules",
    "projects:settings",
    "projects:steps",
    "projects:variables",
    "deployments:versions",
    "search",
}
DOWNLOADS = {"orgs:audit-export", "orgs:audit-head", "mfa_download_recovery_codes"}
NO_PAGES = {"deployments:log-file", "deployments:log", "api_schema", "api_docs"} | DOWNLOADS
DARK_RULES = ["color-contrast", "link-in-text-block"]


def view_of(address: str) -> str:
    try:
        return resolve(urlsplit(address).path).view_name
    except Resolver404:
        return ""


def links(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    return [address.partition("#")[0] for address in found if address.startswith("http")]


def look(page: Page, address: str) -> list[str]:
    """Everything that is wrong with one page."""
    page.emulate_media(color_scheme="light")
    answer = page.goto(address)
    status = answer.status if answer is not None else 0
    wrong = [] if status < 500 else [f"{address} answers {status}"]
    expect(page.locator("h1")).to_have_count(1)
    wrong += violations(page)
    page.emulate_media(color_scheme="dark")
    wrong += violations(page, rules=DARK_RULES)
    return wrong + overflow(page)


def nothing(wrong: list[str]) -> bool:
    """Says each fault on a line of its own."""
    print("\n".join(wrong))
    return not wrong


def test_every_page_that_a_link_leads_to(owner: Page, hydra: Hydra) -> None:
    host = urlsplit(hydra.url).netloc
    starts = [f"{hydra.url}{hydra.org}/", f"{hydra.url}{hydra.org}/projects/web-shop/"]
    todo, seen, wrong = starts, set[str](), list[str]()
    while todo:
        address = todo.pop(0)
        view = view_of(address)
        if not view or view in seen | NO_PAGES or urlsplit(address).netloc != host:
            continue
        seen.add(view)
        wrong += look(owner, address)
        todo += links(owner)

    assert nothing(wrong)
    assert seen >= SECTIONS


@pytest.mark.parametrize("name", ["failed", "running", "queued", "unknown", "canceled"])
def test_a_deployment_in_each_state(owner: Page, hydra: Hydra, name: str) -> None:
    assert nothing(look(owner, hydra.deployment(name)))


@pytest.mark.parametrize("path", ["/", "/deployments/", "/projects/", "/applications/", "/agents/"])
@pytest.mark.parametrize("org", ["empty", "strained"])
def test_organizations_that_have_nothing_or_too_much(
    owner: Page, hydra: Hydra, org: str, path: str
) -> None:
    place = hydra.strained if org == "strained" else f"/o/{hydra.scene['empty']}"

    assert nothing(look(owner, f"{place}{path}"))


@pytest.mark.parametrize(
    "path", ["/?expand=long", "/deploy/", "/deploy/?application=long&environment=development"]
)
def test_projects_with_long_names(owner: Page, hydra: Hydra, path: str) -> None:
    project = f"{hydra.strained}/projects/{hydra.scene['strain']['project']}"

    assert nothing(look(owner, f"{project}{path}"))


@pytest.mark.parametrize(
    "path",
    ["settings/audit", "settings/users", "settings/api-keys", "agents", "applications/storefront"],
)
def test_on_a_phone_a_row_shows_all_that_is_done_with_it(
    owner: Page, hydra: Hydra, path: str
) -> None:
    """What else is compared stands below the name, so nothing is to the right of the screen."""
    owner.set_viewport_size(PHONE)
    owner.goto(f"{hydra.org}/{path}/")

    table = owner.locator("table.stacked").first
    expect(table).to_be_visible()
    assert table.evaluate("table => table.parentElement.scrollWidth") <= PHONE["width"]


def test_no_name_in_the_sidebar_is_cut(owner: Page, hydra: Hydra) -> None:
    """The page one is on stands in bold, which is wider."""
    owner.set_viewport_size(DESK)
    for path in ("users", "environments", "api-keys"):
        owner.goto(f"{hydra.org}/settings/{path}/")

        names = owner.locator("nav[aria-label=Main] a > span").all()
        is_cut = "it => it.scrollWidth > it.clientWidth"
        cut = [name.inner_text() for name in names if name.evaluate(is_cut)]
        assert len(names) > 10
        assert cut == []


@pytest.mark.parametrize("name", ["hostile", "queued"])
def test_logs_that_strain(owner: Page, hydra: Hydra, name: str) -> None:
    page = f"{hydra.strained}/deployments/{hydra.scene['strain'][name]}/"

    assert nothing(look(owner, page))


@pytest.mark.parametrize("path", ["/account/login/", "/account/signup/", "/o/nobodys/"])
def test_pages_before_the_door(page: Page, hydra: Hydra, path: str) -> None:
    assert nothing(look(page, path))


def test_errors_say_what_to_do_next(owner: Page, hydra: Hydra) -> None:
    assert nothing(look(owner, f"{hydra.org}/nothing/here/"))
    expect(owner.get_by_role("link", name="Go to Overview")).to_be_visible()


def test_dialogs_are_open_to_everybody_too(owner: Page, hydra: Hydra) -> None:
    owner.goto(f"{hydra.org}/projects/checkout/")
    owner.get_by_role("link", name="Deploy storefront to Production").click()
    expect(owner.get_by_role("dialog")).to_be_visible()
    wrong = violations(owner)
    owner.emulate_media(color_scheme="dark")
    wrong += violations(owner, rules=DARK_RULES) + overflow(owner)
    owner.keyboard.press("Escape")
    owner.keyboard.press("Control+k")
    expect(owner.get_by_role("dialog")).to_be_visible()
    wrong += violations(owner) + overflow(owner)

    assert nothing(wrong)


def test_the_policy_is_heard_by_these_tests(owner: Page, hydra: Hydra) -> None:
    """That silence means something: a broken policy would be noticed."""
    page = owner.context.new_page()
    said = watch(page)
    page.goto(f"{hydra.org}/")

    page.evaluate("document.body.setAttribute('style', 'color: red')")

    page.wait_for_timeout(100)
    assert any("Content Security Policy" in one for one in said)
