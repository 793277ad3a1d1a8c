"""What the pages and mails about accounts say of browsers."""

from __future__ import annotations

from django import template

register = template.Library()

# The first that occurs counts: browsers claim to be each other.
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@register.filter
def browser(user_agent: str) -> str:
    """A browser in our own words: what it says of itself is whatever somebody typed."""
    name = next((word for mark, word in BROWSERS if mark in user_agent), "an unknown browser")
    system = next((word for mark, word in SYSTEMS if mark in user_agent), "")
    return f"{name} on {system}" if system else name
