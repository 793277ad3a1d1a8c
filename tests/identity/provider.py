"""The provider's process, and the browser that goes there and comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
from lxml import html

CLIENT, SECRET = "hydra-at-northwind", "a secret between the two of them"
PASSWORD = "what Ada types there"


@dataclass
class Provider:
    """A provider that runs, and who sits before the browser."""

    issuer: str
    person: dict[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for there."""
        paths: list[str] = httpx.get(f"{self.issuer}/test/asked").json()["asked"]
        return paths

    def begin(self, *redirect_uris: str) -> None:
        told = {"client": CLIENT, "secret": SECRET, "redirect_uris": redirect_uris}
        httpx.post(f"{self.issuer}/test/begin", json=told).raise_for_status()

    def meet(self) -> None:
        """Know the person."""
        told = self.person | {"password": PASSWORD}
        httpx.post(f"{self.issuer}/test/know", json=told).raise_for_status()

    def authorize(self, address: str, *, action: str = "grant") -> str:
        """Sign in there, agree or not, and give the address that the browser is sent back to."""
        self.meet()
        with httpx.Client() as browser:
            return visit(browser, address, login=self.person["sub"], action=action)


def visit(browser: httpx.Client, address: str, *, login: str, action: str = "grant") -> str:
    """The provider's pages, one after the other, as they are met: signing in, then agreeing."""
    page = browser.get(address, follow_redirects=True)
    page = submit(browser, page, login=login, password=PASSWORD)
    assert page.is_redirect, page.text
    page = browser.get(urljoin(str(page.url), page.headers["Location"]))
    assert "Authorize Hydra" in " ".join(read(page).text_content().split())
    return submit(browser, page, action=action).headers["Location"]


def read(page: httpx.Response) -> Any:
    return html.fromstring(page.text)


def submit(
    browser: httpx.Client, page: httpx.Response, *, to: str = "", **typed: str
) -> httpx.Response:
    """Send the page's form, filled in as it came and with what was typed."""
    assert page.status_code == 200, page.text
    forms = [form for form in read(page).forms if form.method == "POST"]
    [form] = [form for form in forms if not to or form.action == to]
    values: dict[str, Any] = {}
    for name, value in form.form_values():
        values.setdefault(name, []).append(value)
    return browser.post(urljoin(str(page.url), form.action or ""), data=values | typed)


@contextmanager
def running(home: Path) -> Iterator[Provider]:
    process = subprocess.Popen(  # our own interpreter
        [sys.executable, "-W", "ignore", "-m", "tests.identity"],
        cwd=Path(__file__).resolve().parents[2],
        env={"PATH": os.environ["PATH"], "IDENTITY_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "the provider did not start"
        yield Provider(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
