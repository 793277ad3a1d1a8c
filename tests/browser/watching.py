"""What a page must not do: complain, break the policy, spill over, shut somebody out."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from playwright.sync_api import ConsoleMessage, Error, Page, ViewportSize

AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text()
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = ("serious", "critical")
SAID: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()
PHONE: ViewportSize = {"width": 375, "height": 812}
DESK: ViewportSize = {"width": 1440, "height": 900}


def watch(page: Page) -> list[str]:
    """A list that fills with what the console says: errors, warnings, broken policies."""
    said: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # An answer that is an error by its status is no fault of the page that shows it.
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            said.append(f"{page.url}: {message.text}")

    def on_error(error: Error) -> None:
        said.append(f"{page.url}: {error}")

    SAID[page] = said
    page.on("console", on_console)
    page.on("pageerror", on_error)
    return said


def violations(page: Page, *, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds serious, each with the element it stands at.

    It tries styles of its own while it looks; what the policy says of those is forgotten.
    """
    before = list(SAID[page])
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    chosen: dict[str, Any] = (
        {"type": "rule", "values": rules} if rules else {"type": "tag", "values": LEVELS}
    )
    found = page.evaluate(
        "options => axe.run(document, options)",
        {"runOnly": chosen, "resultTypes": ["violations"], "elementRef": False},
    )
    SAID[page][:] = before
    return [
        f"{page.url}: {violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for violation in found["violations"]
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
        if not is_cut_by_its_box(violation["id"], node["html"])
    ]


def is_cut_by_its_box(rule: str, html: str) -> bool:
    """Lines of a log are 24 px high; the edges of its scrolling box leave less of some."""
    return rule == "target-size" and html.startswith('<a href="#L')


def overflow(page: Page) -> list[str]:
    """Whether the page is wider than a phone, and which element makes it so."""
    page.set_viewport_size(PHONE)
    wide = page.evaluate(
        """() => {
          const root = document.documentElement;
          if (root.scrollWidth <= root.clientWidth) return "";
          const spilling = [...document.querySelectorAll("main *")].filter(
            (one) => one.getBoundingClientRect().right > root.clientWidth + 1);
          return `${root.scrollWidth} px: ${spilling[0]?.outerHTML.slice(0, 200) || "?"}`;
        }"""
    )
    page.set_viewport_size(DESK)
    return [f"{page.url} spills over: {wide}"] if wide else []
