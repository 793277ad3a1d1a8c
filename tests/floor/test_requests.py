"""Every answer carries a request id that is ours, and a refusal speaks its caller's language."""

import json
from collections.abc import Callable

import pytest
import structlog
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from hydra import requests
from hydra.errors import Conflict, Forbidden, Invalid, NotFound, Refused, Unavailable
from hydra.refusals import RefusalMiddleware
from hydra.requests import RequestIdMiddleware

REFUSED = "<title>{{ refused.message }}</title>{{ refused.code }}"


@pytest.fixture(autouse=True)
def a_page_for_refusals(settings: Settings) -> None:
    loader = "django.template.loaders.locmem.Loader"
    settings.TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [(loader, {"refused.html": REFUSED})]},
        }
    ]


def answer(
    view: Callable[[HttpRequest], HttpResponse],
    path: str = "/o/northwind/",
    *,
    method: str = "get",
    **headers: str,
) -> HttpResponse:
    """What both middlewares make of `view`, in the order in which they stand."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request: HttpRequest = getattr(RequestFactory(headers=named), method)(path)
    request.session = {}  # type: ignore[assignment]  # all that the messages need of one
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]  # as its middleware
    refusals = RefusalMiddleware(view)

    def inner(request: HttpRequest) -> HttpResponse:
        try:
            return refusals(request)
        except Refused as error:
            response = refusals.process_exception(request, error)
            assert response is not None
            return response

    return RequestIdMiddleware(inner)(request)


def refusing(error: Exception) -> Callable[[HttpRequest], HttpResponse]:
    def view(_request: HttpRequest) -> HttpResponse:
        raise error

    return view


# --- The request id --------------------------------------------------------------------------


def test_the_id_of_the_answer_is_the_one_that_is_logged() -> None:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        bound = structlog.contextvars.get_contextvars()
        seen.extend([requests.request_id_of(request), bound["request_id"]])
        return HttpResponse()

    response = answer(view)

    assert seen == [response["X-Request-Id"]] * 2
    assert response["X-Request-Id"].startswith("req_")
    assert len(response["X-Request-Id"]) == 24
    assert "request_id" not in structlog.contextvars.get_contextvars()


def test_every_request_has_an_id_of_its_own() -> None:
    ids = {answer(lambda _: HttpResponse())["X-Request-Id"] for _ in range(100)}

    assert len(ids) == 100


@pytest.mark.parametrize(
    ("offered", "is_bound"),
    [("req_of-the-caller.1", True), ("a b", False), ("x" * 101, False), ("é", False), ("", False)],
)
def test_a_callers_id_is_noted_but_never_taken(offered: str, is_bound: bool) -> None:
    bound: dict[str, str] = {}

    def view(_request: HttpRequest) -> HttpResponse:
        bound.update(structlog.contextvars.get_contextvars())
        return HttpResponse()

    response = answer(view, X_Request_Id=offered)

    assert response["X-Request-Id"] == bound["request_id"] != offered
    assert bound.get("callers_request_id") == (offered if is_bound else None)


def test_an_id_can_be_asked_for_without_the_middleware() -> None:
    request = RequestFactory().get("/")

    assert requests.request_id_of(request) == requests.request_id_of(request)


# --- Refusals --------------------------------------------------------------------------------

KINDS = [
    (Refused("No."), 409, "refused"),
    (NotFound("No."), 404, "not_found"),
    (Forbidden("project.create"), 403, "forbidden"),
    (Invalid("No."), 400, "invalid"),
    (Conflict("No."), 409, "conflict"),
    (Unavailable("No."), 503, "unavailable"),
]


@pytest.mark.parametrize(("error", "status", "code"), KINDS)
def test_a_person_gets_a_page_with_the_status_of_the_refusal(
    error: Refused, status: int, code: str
) -> None:
    response = answer(refusing(error))

    assert response.status_code == status
    assert response.content.decode() == f"<title>{error.message}</title>{code}"


@pytest.mark.parametrize(
    "path", ["/agent/v1/hello", "/api/v1/projects", "/v1/usage", "/v2/deploy.x"]
)
@pytest.mark.parametrize(("error", "status", "code"), KINDS)
def test_a_program_gets_json_with_the_request_id(
    path: str, error: Refused, status: int, code: str
) -> None:
    response = answer(refusing(error), path)

    body = json.loads(response.content)
    assert response.status_code == status
    assert (body["error"], body["code"]) == (error.message, code)
    assert body["request_id"] == response["X-Request-Id"]


def test_a_program_is_told_what_is_wrong_where() -> None:
    response = answer(refusing(Invalid.at("name", "Is empty.", "Give one.")), "/agent/v1/hello")

    assert json.loads(response.content)["details"] == [
        {"location": "name", "message": "Is empty.", "fix": "Give one."}
    ]


def test_who_may_not_is_told_which_right_is_missing() -> None:
    refusal = Forbidden("project.create")

    assert refusal.right == "project.create"
    assert "project.create" in refusal.message
    assert refusal.details[0]["location"] == "permission"
    assert "project.create" in refusal.details[0]["message"]


def test_who_comes_too_early_is_told_when_to_come_back() -> None:
    response = answer(refusing(Unavailable("Busy.", retry_after_seconds=7)))

    assert response["Retry-After"] == "7"


def test_htmx_shows_a_toast_and_replaces_nothing() -> None:
    response = answer(refusing(Conflict("Taken.")), method="post", HX_Request="true")

    assert (response.status_code, response["HX-Reswap"]) == (409, "none")
    assert json.loads(response["HX-Trigger"])["toast"]["message"] == "Taken."


def test_after_a_form_one_is_back_on_its_page() -> None:
    back = "http://testserver/o/northwind/projects/"

    response = answer(refusing(Conflict("Taken.")), method="post", Referer=back)

    assert (response.status_code, response["Location"]) == (302, back)


@pytest.mark.parametrize(
    ("error", "referer"),
    [
        (Conflict("Taken."), "https://evil.example/"),
        (Conflict("Taken."), ""),
        (NotFound("Gone."), "http://testserver/o/northwind/"),
        (Forbidden("project.create"), "http://testserver/o/northwind/"),
    ],
)
def test_nobody_is_sent_elsewhere_or_made_to_believe_it_worked(
    error: Refused, referer: str
) -> None:
    response = answer(refusing(error), method="post", Referer=referer)

    assert response.status_code == error.status


def test_a_bug_is_not_taken_for_a_refusal() -> None:
    bug = ZeroDivisionError()

    assert (
        RefusalMiddleware(refusing(bug)).process_exception(RequestFactory().get("/"), bug) is None
    )
