"""A real Chromium, Debian's own, in front of one furnished installation for all its tests."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect

from tests.browser.watching import DESK, watch
from tests.faults.installation import Installation

CHROMIUM = os.environ.get("HYDRA_CHROMIUM", "/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the browser, and says so to `-m`."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"There is no Chromium at {CHROMIUM}; `make test` installs it or says how.")
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(QUIET)}


@dataclass
class Hydra:
    """The installation, and where things are in it."""

    installation: Installation
    scene: dict[str, Any]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.installation.port}"

    @property
    def org(self) -> str:
        return f"/o/{self.installation.facts['organization']}"

    @property
    def strained(self) -> str:
        return f"/o/{self.scene['strain']['org']}"

    def deployment(self, name: str) -> str:
        """The page of a deployment that the scene has."""
        return f"{self.org}/deployments/{self.scene['now'][name]}/"

    def open_gate(self, version: str) -> None:
        """Let the deployment of this version of `reports` end."""
        (self.installation.home / f"gate-{version}").touch()


@pytest.fixture(scope="session")
def hydra() -> Iterator[Hydra]:
    """One furnished installation for all browser tests; the strained organization's agent too."""
    installation = Installation()
    try:
        installation.start()
        scene = json.loads(installation.run_python("from tests.browser import scene; scene.main()"))
        installation.start_agent(HYDRA_AGENT_KEY=scene["strain"]["agent_key"])
        yield Hydra(installation, scene)
    finally:
        installation.remove()


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any], hydra: Hydra) -> dict[str, Any]:
    # Less motion, so that no colour is measured on its way to another.
    own = {"base_url": hydra.url, "viewport": DESK, "reduced_motion": "reduce"}
    return {**browser_context_args, **own}


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page of somebody who is not signed in. What the console said must be nothing."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    said = watch(page)
    yield page
    assert said == []


@pytest.fixture(scope="session")
def session_state(browser: Browser, hydra: Hydra) -> StorageState:
    """The cookies of the demo's owner."""
    context = browser.new_context(base_url=hydra.url)
    sign_in(context.new_page(), hydra)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def owner(
    browser: Browser, browser_context_args: dict[str, Any], session_state: StorageState
) -> Iterator[Page]:
    """A page of the demo's owner. What the console said must be nothing."""
    context = browser.new_context(**browser_context_args, storage_state=session_state)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    said = watch(page)
    yield page
    context.close()
    assert said == []


@pytest.fixture
def plain(
    browser: Browser, browser_context_args: dict[str, Any], session_state: StorageState
) -> Iterator[Page]:
    """A page of the demo's owner in a browser without JavaScript."""
    context = browser.new_context(
        **browser_context_args, storage_state=session_state, java_script_enabled=False
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


def sign_in(page: Page, hydra: Hydra) -> None:
    page.goto("/account/login/")
    page.get_by_label("E-mail").fill(hydra.installation.facts["email"])
    page.get_by_label("Password").fill(hydra.installation.facts["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/o/**")


@pytest.fixture(scope="session", autouse=True)
def orm_beside_playwright() -> Iterator[None]:
    """Playwright runs a loop in this thread, and Django would take the thread for async code."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
