"""`docs/pages.md` names every part that a page may be made of."""

from __future__ import annotations

import re

from django.conf import settings

from orgs.templatetags.hydra_ui import register

GUIDE = (settings.BASE_DIR / "docs/pages.md").read_text()
TEMPLATES = settings.BASE_DIR / "templates"


def test_every_tag_and_filter_is_named() -> None:
    tags = {name for name in register.tags if not GUIDE.count("{% " + name)}
    filters = {name for name in register.filters if not GUIDE.count("|" + name)}

    assert (tags, filters) == (set(), set())


def test_every_component_is_named() -> None:
    components = {file.name for file in (TEMPLATES / "components").iterdir()}

    assert {name for name in components if f"`{name}`" not in GUIDE} == set()


def test_every_block_of_the_frames_is_named() -> None:
    frames = [(TEMPLATES / name).read_text() for name in ("base.html", "alone.html")]
    blocks = {name for frame in frames for name in re.findall(r"{% block (\w+)", frame)}

    assert {name for name in blocks if f"`{name}`" not in GUIDE} == set()


def test_every_behaviour_that_scripts_look_for_on_pages_is_named() -> None:
    script = (settings.BASE_DIR / "static/js/hydra.js").read_text()
    asked = set(re.findall(r"\[(data-[a-z-]+)", script))
    own = {"data-here", "data-sent", "data-theme-word"}  # what the script writes for itself

    assert {name for name in asked - own if name not in GUIDE} == set()
