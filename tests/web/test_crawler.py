"""Every page of every role, read: what each must have, whoever looks at it."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from hydra import headers
from orgs.models import Organization, User
from tests.access_ground import Ground, make_ground
from tests.conftest import signed_in
from tests.test_access import PAGE_ROWS
from tests.web.reading import Page

pytestmark = pytest.mark.django_db

ROLES = ("olivia", "max", "uma", "bill")
# Signing out ends the walk; the rest are no pages but what is downloaded or looked up by scripts.
NO_PAGES = ("/account/logout/", "/log", "/export/", "/static/", "/api/schema/")
UNNAMED = {"hidden", "submit", "button", "image", "reset"}


def mistakes(address: str, answer: Any, page: Page) -> list[str]:
    """What is wrong with one page, as sentences."""
    unlabelled = [
        control.name
        for control in page.controls
        if control.kind not in UNNAMED
        and not {"hidden", "aria-hidden"} & control.attributes.keys()
        and not control.is_labelled
    ]
    doubles = [name for name, count in Counter(page.ids).items() if count > 1]
    heading = "".join(page.headings).strip()
    again = [told for told in page.subheadings if heading in told or told.strip() in heading]
    checks = {
        "no language": page.language == "en",
        "no title": page.title.strip().endswith("Hydra") and len(page.title) > len("Hydra"),
        f"h1: {page.headings}": len(page.headings) == 1 and page.headings[0].strip(),
        f"said again: {again}": not again or 'class="tabs"' in answer.content.decode(),
        "no main": page.landmarks.count("main") == 1,
        f"unlabelled: {unlabelled}": not unlabelled,
        f"ids twice: {doubles}": not doubles,
        f"inline: {page.inline}": not page.inline,
        "an image without alt": not page.images_without_text,
        "headers": all(answer.headers.get(n) == v for n, v in headers.ALWAYS.items()),
        "policy": "script-src 'self'" in answer.headers["Content-Security-Policy"],
    }
    return [f"{address}: {what}" for what, is_right in checks.items() if not is_right]


class Walk:
    """Follows every link of this site from `start`, and keeps what is wrong."""

    def __init__(self, browser: Client, *starts: str) -> None:
        self.browser = browser
        self.waiting = list(starts)
        self.seen: set[str] = set(starts)
        self.titles: dict[str, str] = {}
        self.texts: list[str] = []
        self.wrong: list[str] = []

    def go(self) -> Walk:
        while self.waiting:
            self.visit(self.waiting.pop())
        return self

    def visit(self, address: str) -> None:
        answer = self.browser.get(address)
        if answer.status_code in {301, 302}:
            self.find([answer["Location"]], address)
            return
        if answer.status_code != 200:
            self.wrong.append(f"{address}: a link that leads to {answer.status_code}")
            return
        if "html" not in answer["Content-Type"]:
            return
        self.texts.append(answer.content.decode())
        page = Page(self.texts[-1])
        self.wrong += mistakes(address, answer, page)
        self.titles[address] = " ".join(page.title.split())
        self.find(page.links, address)

    def find(self, links: list[str], address: str) -> None:
        for link in links:
            there = urlsplit(urljoin(address, link))
            is_ours = not there.netloc and there.scheme in {"", "http", "https"}
            if not is_ours or any(part in there.path for part in NO_PAGES):
                continue
            # Filters and pages of a list are the list again.
            if there.path not in self.seen:
                self.seen.add(there.path)
                self.waiting.append(there.path)


@pytest.fixture
def ground(northwind: Organization, cast: dict[str, User]) -> Ground:
    return make_ground(northwind)


@pytest.mark.parametrize("name", ROLES)
def test_every_page_that_a_role_is_led_to_is_whole(
    ground: Ground, cast: dict[str, User], name: str
) -> None:
    walk = Walk(signed_in(cast[name]), "/", "/account/").go()

    assert walk.wrong == []
    assert len(walk.titles) > (3 if name == "bill" else 20)


def test_titles_tell_pages_apart(ground: Ground, olivia: User) -> None:
    walk = Walk(signed_in(olivia), "/").go()

    same: dict[str, list[str]] = {}
    for address, title in walk.titles.items():
        same.setdefault(title, []).append(address)
    assert {title: pages for title, pages in same.items() if len(pages) > 1} == {}


def test_pages_before_the_door_are_whole(db: None) -> None:
    walk = Walk(Client(), "/account/login/", "/account/signup/", "/account/password/").go()

    assert walk.wrong == []


@pytest.mark.parametrize("path", ["/nothing/", "/o/southwind/", "/o/northwind/projects/nothing/"])
def test_pages_that_refuse_are_whole(ground: Ground, olivia: User, path: str) -> None:
    answer = signed_in(olivia).get(path)

    assert answer.status_code == 404
    assert mistakes(path, answer, Page(answer.content.decode())) == []


def test_a_suspended_organization_has_a_page_that_is_whole(
    northwind: Organization, olivia: User
) -> None:
    Organization.objects.update(suspended_at=timezone.now(), suspension_reason="unpaid")

    answer = signed_in(olivia).get("/o/northwind/")

    assert mistakes("/o/northwind/", answer, Page(answer.content.decode())) == []


def test_a_form_that_is_sent_empty_is_never_taken_for_an_answer(
    ground: Ground, olivia: User
) -> None:
    """What is missing is said with 422, what needs nothing is done: 200 would be neither."""
    browser, wrong = signed_in(olivia), []

    for row in PAGE_ROWS:
        if row.method != "POST" or not row.route.startswith("/o/"):
            continue
        with transaction.atomic():
            status = browser.post(ground.address(row.route), {}).status_code
            transaction.set_rollback(True)
        if status == 200 or status >= 500:
            wrong.append(f"{row.route}: {status}")

    assert wrong == []
