"""What every answer of every face has, and how each face words an error."""

from __future__ import annotations

import pytest
from django.http import HttpResponse

from orgs.models import Environment, Organization
from tests.api.client import FACES, NOT_VALID, Api, read

# --- Each dialect ----------------------------------------------------------------------------


def test_the_native_face_words_an_error_as_a_sentence(api: Api) -> None:
    response = api.get("/api/v1/projects/nowhere")

    assert read(response, 404) == {
        "error": "There is no project nowhere.",
        "code": "not_found",
        "request_id": response["X-Request-Id"],
        "details": [],
    }


def test_the_externals_word_an_error_as_the_native_face_does(api: Api) -> None:
    response = api.post("/api/externals/version/create?appCode=nothing&version=v1")

    assert read(response, 404) == {
        "error": "There is no application nothing.",
        "code": "not_found",
        "request_id": response["X-Request-Id"],
        "details": [],
    }


def test_the_rpc_face_words_an_error_with_meta_title_and_errors(api: Api) -> None:
    response = api.post("/v2/deploy.getDeployment", {})

    assert read(response, 400) == {
        "meta": {"requestId": response["X-Request-Id"]},
        "error": {
            "title": "Bad Request",
            "detail": "deploymentId: This field is required.",
            "status": 400,
            "type": "http://127.0.0.1:8000/api/docs/#error-invalid",
            "errors": [{"location": "deploymentId", "message": "This field is required."}],
        },
    }


def test_the_key_check_words_an_error_as_code_and_message(db: None) -> None:
    assert read(Api().get("/v1/health"), 401) == {
        "error": {"code": "unauthorized", "message": NOT_VALID}
    }


def test_the_key_check_says_whose_key_works(ci: Api, northwind: Organization) -> None:
    shown = read(ci.get("/v1/health"))

    assert shown["data"]["status"] == "ok"
    assert shown["data"]["organization"]["slug"] == northwind.slug
    assert shown["data"].keys() == {"status", "organization", "time"}


# --- Every answer ----------------------------------------------------------------------------


def assert_dressed(response: HttpResponse) -> None:
    assert response["X-Request-Id"].startswith("req_")
    for header in ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"):
        assert response[header].lstrip("-").isdigit()
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Length"] == str(len(response.content))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Type"] == "application/json"
    assert not response.cookies
    assert "Access-Control-Allow-Origin" not in response


@FACES
def test_every_answer_has_the_request_id_and_the_limits(api: Api, method: str, path: str) -> None:
    for program in (api, Api(), Api("hyd_live_nonsense")):
        assert_dressed(program.send(method, path, None, Origin="https://elsewhere.example"))
    assert_dressed(api.send("PUT", path, None))
    assert_dressed(api.send(method, f"{path}/of/nothing", None))
    assert_dressed(api.send("POST", path, b"x" * (1024 * 1024 + 1)))
    assert_dressed(api.send("POST", path, b"{"))


def test_the_request_id_is_ours_whatever_the_caller_sends(api: Api) -> None:
    response = api.get("/api/v1/nothing", X_Request_Id="theirs-12345678")

    assert response["X-Request-Id"].startswith("req_")
    assert read(response, 404)["request_id"] == response["X-Request-Id"]


@FACES
def test_an_unknown_address_is_404_in_the_dialect_of_its_face(
    api: Api, method: str, path: str
) -> None:
    response = api.send(method, path + "-unknown", None)

    assert response.status_code == 404
    assert "There is nothing at this address." in response.content.decode()


@pytest.mark.parametrize("path", ["/api/v1/projects/", "/v1/health/", "/api/v1/", "/v2/"])
def test_no_address_is_redirected_to_one_with_or_without_a_slash(api: Api, path: str) -> None:
    assert api.get(path).status_code == 404


@FACES
def test_a_method_that_is_not_there_is_405_and_says_which_are(
    api: Api, method: str, path: str
) -> None:
    response = api.send("PUT", path, None)

    assert response.status_code == 405
    assert method in response["Allow"].split(", ")
    assert "PUT" not in response["Allow"]


def test_head_is_get_without_a_body(api: Api) -> None:
    response = api.send("HEAD", "/api/v1/projects", None)

    assert (response.status_code, response.content) == (200, b"")


def test_a_bug_is_500_in_the_dialect_without_a_trace(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret of the house")

    monkeypatch.setattr("orgs.api.environments.show_environment", broken)
    Environment.objects.create(org=Organization.objects.get(), name="Staging", slug="staging")

    response = api.get("/api/v1/environments")

    assert_dressed(response)
    assert read(response, 500) == {
        "error": "Something went wrong on our side. Try again, or tell us the request id.",
        "code": "internal_error",
        "request_id": response["X-Request-Id"],
        "details": [],
    }


def test_a_host_that_is_not_ours_is_refused(api: Api) -> None:
    assert api.get("/api/v1/projects", Host="evil.example").status_code == 400
