"""Page or fragment: who gets which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings
from django_htmx.middleware import HtmxMiddleware

from hydra.htmx import render_page

PAGE = "page around {% partialdef part inline %}the part of {{ name }}{% endpartialdef part %}"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "builtins": ["template_partials.templatetags.partials"],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [("django.template.loaders.locmem.Loader", {"page.html": PAGE})],
                )
            ],
        },
    }
]


def answer(headers: dict[str, str], *, partial: str = "part", status: int = 200) -> HttpResponse:
    def view(request: HttpRequest) -> HttpResponse:
        context = {"name": "it"}
        return render_page(request, "page.html", context, partial=partial, status=status)

    response = HtmxMiddleware(view)(RequestFactory().get("/", headers=headers))
    assert isinstance(response, HttpResponse)
    return response


@pytest.fixture(autouse=True)
def one_template() -> Iterator[None]:
    with override_settings(TEMPLATES=TEMPLATES):
        yield


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HX-Request": "true", "HX-Boosted": "true"},
        {"HX-Request": "true", "HX-History-Restore-Request": "true"},
    ],
)
def test_browsers_boosted_links_and_the_back_button_get_the_page(headers: dict[str, str]) -> None:
    assert answer(headers).content == b"page around the part of it"


def test_htmx_gets_the_part() -> None:
    assert answer({"HX-Request": "true"}).content == b"the part of it"


def test_a_page_without_parts_is_whole_for_htmx_too() -> None:
    assert answer({"HX-Request": "true"}, partial="").content == b"page around the part of it"


def test_no_cache_may_show_a_part_as_a_page() -> None:
    assert answer({})["Vary"] == "HX-Request"
    assert answer({"HX-Request": "true"}, status=422).status_code == 422
