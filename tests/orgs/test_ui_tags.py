"""The small parts of pages: states, times, fields, rights and the navigation."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django import forms
from django.conf import settings
from django.template import Context, engines
from django.test import RequestFactory

from deployments.models import JobState, State
from orgs.access import access_of
from orgs.models import Organization, User
from orgs.templatetags import hydra_ui

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SPRITE = (settings.BASE_DIR / "static/img/sprite.svg").read_text()
SYMBOLS = set(re.findall(r'<symbol id="([\w-]+)"', SPRITE))
STYLES = (settings.BASE_DIR / "static/css/hydra.css").read_text()
COLOUR_OF_ICON = {
    "succeeded": "green",
    "running": "blue",
    "waiting": "amber",
    "approval": "amber",
    "hold": "amber",
    "failed": "red",
    "unknown": "violet",
}


def shown(source: str, **context: Any) -> str:
    return engines["django"].from_string("{% load hydra_ui %}" + source).render(context)


def colour_of(value: str) -> str:
    """The colour that the style sheet gives to a state; grey is what all others have."""
    for selectors, colour in re.findall(r"([^{}]+)\{ --state: var\(--(\w+)\);", STYLES):
        if f'[data-state="{value}"]' in selectors:
            return str(colour)
    return "grey"


def test_each_state_of_deployments_and_jobs_has_a_word_and_an_icon() -> None:
    assert {*State.values, *JobState.values} - set(hydra_ui.STATES) == set()


@pytest.mark.parametrize("value", hydra_ui.STATES)
def test_a_state_has_one_icon_that_exists_and_one_colour_that_fits_it(value: str) -> None:
    symbol = hydra_ui.state_icon(value)

    assert symbol in SYMBOLS
    assert colour_of(value) == COLOUR_OF_ICON.get(symbol, "grey")


def test_what_turns_live_gets_the_icon_that_the_page_would_have() -> None:
    script = (settings.BASE_DIR / "static/js/log.js").read_text()
    table = re.search(r"const ICONS = \{(.*?)\}", script, re.DOTALL)
    assert table is not None
    icons = dict(re.findall(r'(\w+): "(\w+)"', table[1]))

    # Each state that its table leaves out waits.
    for value in {*State.values, *JobState.values}:
        assert icons.get(value, "waiting") == hydra_ui.state_icon(value), value


def test_a_badge_says_its_word_and_keeps_the_sentence_for_hover_and_focus() -> None:
    badge = shown('{% state "held" sentence=why %}', why='Waits for "the" <freeze>')

    assert 'data-state="held"' in badge
    assert 'tabindex="0" data-tooltip="Waits for &quot;the&quot; &lt;freeze&gt;"' in badge
    assert badge.endswith("Held</span>")


def test_a_badge_takes_another_word_and_may_stand_without_a_ground() -> None:
    assert shown('{% state "succeeded" "Runs here" plain=True %}').startswith(
        '<span class="state plain" data-state="succeeded"><svg'
    )
    assert "Runs here</span>" in shown('{% state "succeeded" "Runs here" plain=True %}')


def test_a_state_nobody_thought_of_is_shown_as_it_is() -> None:
    assert hydra_ui.state_word("half_way") == "Half way"
    assert hydra_ui.state_icon("half_way") == "info"


@pytest.mark.parametrize(
    ("distance", "words", "short"),
    [
        (timedelta(seconds=-59), "now", "now"),
        (timedelta(seconds=-60), "1 min ago", "1 min"),
        (timedelta(minutes=-119), "1 h ago", "1 h"),
        (timedelta(days=-29, hours=-23), "29 d ago", "29 d"),
        (timedelta(days=-30), "1 mo ago", "1 mo"),
        (timedelta(days=-800), "2 y ago", "2 y"),
        (timedelta(seconds=30), "in a moment", "in a moment"),
        (timedelta(minutes=110), "in 2 h", "2 h"),
    ],
)
@time_machine.travel(NOON, tick=False)
def test_a_time_is_said_as_people_say_it(distance: timedelta, words: str, short: str) -> None:
    assert hydra_ui.in_words(NOON + distance) == words
    assert hydra_ui.in_words(NOON + distance, short=True) == short


@time_machine.travel(NOON, tick=False)
def test_a_time_carries_the_exact_one_and_no_time_is_never() -> None:
    assert shown("{% ago moment %}", moment=NOON - timedelta(minutes=4)) == (
        '<time datetime="2026-11-21T11:56:00+00:00" title="2026-11-21 11:56:00 UTC">'
        "4 min ago</time>"
    )
    assert shown("{% ago moment %}", moment=None) == '<span class="muted">never</span>'


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (None, ""),
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (68_000, "1 min 08 s"),
        (11_520_000, "3 h 12 min"),
    ],
)
def test_a_duration_is_as_exact_as_it_is_of_use(milliseconds: float | None, words: str) -> None:
    assert hydra_ui.took(milliseconds) == words


@time_machine.travel(NOON, tick=False)
def test_a_duration_without_an_end_lasts_until_now() -> None:
    assert hydra_ui.duration(NOON - timedelta(seconds=68)) == "1 min 08 s"
    assert hydra_ui.duration(NOON - timedelta(seconds=68), NOON - timedelta(seconds=8)) == (
        "1 min 00 s"
    )
    assert hydra_ui.duration(None) == "not yet"


class ErrandForm(forms.Form):
    name = forms.CharField(help_text="What it is <called>.", min_length=3)
    notes = forms.CharField(required=False)
    urgent = forms.BooleanField(required=False, help_text="Now.")

    def clean_name(self) -> str:
        raise forms.ValidationError(["Taken.", "And too loud."])


def test_a_field_binds_label_help_and_errors_to_its_control() -> None:
    form = ErrandForm({"name": "<b>", "notes": ""})

    html = shown("{% field form.name %}", form=form)

    assert '<label for="id_name">Name</label>' in html
    assert 'id="id_name_help">What it is &lt;called&gt;.</small>' in html
    assert 'value="&lt;b&gt;"' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_help id_name_error"' in html
    assert html.count('id="id_name_error"') == 1
    assert [words in html for words in ("Taken.", "And too loud.")] == [True, True]


def test_a_field_that_may_stay_empty_says_so_and_one_without_fault_claims_none() -> None:
    html = shown('{% field form.notes "Remarks" %}', form=ErrandForm())

    assert '<label for="id_notes">Remarks <small class="muted">optional</small></label>' in html
    assert "aria-" not in html


def test_a_checkbox_stands_inside_its_label() -> None:
    html = shown("{% field form.urgent %}", form=ErrandForm())

    assert re.search(r'<label><input type="checkbox"[^>]*> Urgent</label>', html)
    assert html.count('id="id_urgent_help"') == 1


def test_initials_and_entries_survive_what_is_not_there() -> None:
    assert hydra_ui.initial("  northwind") == "N"
    assert hydra_ui.initial(" ") == "?"
    assert hydra_ui.get({"a": 1}, "a") == 1
    assert hydra_ui.get(None, "a") is None


def visit(user: User, org: Organization, path: str = "/") -> Context:
    """What the template of a page knows of its visitor."""
    request: Any = RequestFactory().get(path)
    request.user = user
    request.session = {}
    request.access = access_of(request, org.slug)
    request.org = org
    return Context({"request": request})


def test_a_right_is_asked_of_the_visitor(northwind: Organization, olivia: User, uma: User) -> None:
    assert hydra_ui.can(visit(olivia, northwind), "project.create") is True
    assert hydra_ui.can(visit(uma, northwind), "project.create") is False
    assert hydra_ui.can(Context({"request": SimpleNamespace()}), "project.create") is False


def test_the_navigation_shows_only_where_one_may_go(
    northwind: Organization, olivia: User, bill: User
) -> None:
    item = ("projects:list", "Projects", "projects", "project.read")

    assert hydra_ui.nav_item(visit(olivia, northwind), *item)["is_shown"] is True
    assert hydra_ui.nav_item(visit(bill, northwind), *item)["is_shown"] is False


def test_the_navigation_marks_the_page_and_the_section_one_is_in(
    northwind: Organization, olivia: User
) -> None:
    item = ("projects:list", "Projects", "projects", "project.read")
    here = f"/o/{northwind.slug}/projects/"

    def current(path: str) -> object:
        return hydra_ui.nav_item(visit(olivia, northwind, path), *item)["current"]

    assert current(here) == "page"
    assert current(f"{here}checkout/") == "true"
    assert current(f"/o/{northwind.slug}/rules/") == ""
