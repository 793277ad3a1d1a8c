"""Repeats: the first answer comes again, and nothing is done twice."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone

from agents.models import Agent
from hydra.errors import Unavailable
from orgs.api import environments as edge
from orgs.models import ApiKey, Environment, IdempotencyRecord, Organization
from orgs.services import idempotency
from projects.models import Version
from tests import factories
from tests.api.client import Api, read
from tests.together import at_once

PATH = "/api/v1/environments"
BODY = {"name": "Staging"}


def post(
    program: Api, body: object = BODY, *, key: str = "first", path: str = PATH
) -> HttpResponse:
    return program.post(path, body, Idempotency_Key=key)


# --- One after the other ----------------------------------------------------------------------


def test_the_same_key_and_body_get_the_first_answer_again(api: Api) -> None:
    first = post(api)
    again = post(api)

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Environment.objects.filter(name="Staging").count() == 1


def test_a_repeat_has_the_request_id_of_the_answer_and_limits_of_its_own(api: Api) -> None:
    first, again = post(api), post(api)

    assert again["X-Request-Id"] == first["X-Request-Id"]
    assert int(again["X-RateLimit-Remaining"]) == int(first["X-RateLimit-Remaining"]) - 1


def test_the_request_id_of_a_repeat_is_the_one_in_its_body(
    api: Api, place: factories.Place
) -> None:
    body = {
        "projectId": place.project.uid,
        "branch": "main",
        "environmentSlug": place.environment.slug,
        "dockerImage": "app:1",
    }
    refused = {**body, "projectId": "none"}

    for key, sent in (("done", body), ("refused", refused)):
        first, again = (post(api, sent, key=key, path="/v2/deploy.createDeployment") for _ in "12")
        assert again.content == first.content
        assert again["Idempotent-Replayed"] == "true"
        told = json.loads(again.content)["meta"]["requestId"]
        assert told == again["X-Request-Id"] == first["X-Request-Id"]


def test_the_same_key_with_another_body_is_422(api: Api) -> None:
    post(api)

    response = post(api, {"name": "Production"})

    assert read(response, 422)["code"] == "idempotency_key_reused"
    assert not Environment.objects.filter(name="Production").exists()


def test_the_same_key_at_another_address_is_422(api: Api) -> None:
    post(api)

    assert post(api, BODY, path="/api/v1/agents").status_code == 422


def test_another_key_of_the_organization_is_not_shown_the_answer(
    api: Api, northwind: Organization
) -> None:
    colleague = Api(factories.make_key(northwind, permissions=["environment.*.write"])[1])
    post(api)

    assert post(colleague).status_code == 422


def test_another_organization_may_use_the_same_key(api: Api, their_api: Api) -> None:
    assert post(api).status_code == post(their_api).status_code == 201


def test_a_refusal_is_an_answer_and_comes_again(api: Api) -> None:
    post(api, key="other")

    first, again = post(api), post(api)

    assert first.status_code == 409
    assert (again.status_code, again.content) == (409, first.content)
    assert again["Idempotent-Replayed"] == "true"


def test_a_missing_permission_is_not_kept(northwind: Organization) -> None:
    key, token = factories.make_key(northwind, permissions=["environment.*.read"])
    program = Api(token)
    assert post(program).status_code == 403
    assert not IdempotencyRecord.objects.exists()

    ApiKey.objects.filter(pk=key.pk).update(permissions=["environment.*.write"])

    assert post(program).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256, "schlüssel"])
def test_a_key_that_is_no_key_is_400(api: Api, key: str) -> None:
    response = post(api, key=key)

    assert read(response, 400)["details"][0]["location"] == "Idempotency-Key"
    assert not Environment.objects.filter(name="Staging").exists()


def test_the_externals_honour_it_and_the_key_in_the_address_is_not_part_of_it(
    northwind: Organization,
) -> None:
    factories.make_application(northwind, code="shop", moving_names="main")
    _, token = factories.make_key(northwind)
    path = "/api/externals/version/create?appCode=shop&version=main"

    first = post(Api(), path=f"{path}&key={token}", body=None)
    again = post(Api(token), path=path, body=None)

    assert read(first, 201)["build"] == 1
    assert again.content == first.content
    assert Version.objects.count() == 1


def test_the_rpc_face_honours_it(api: Api) -> None:
    first = post(api, {"deploymentId": "d_none"}, path="/v2/deploy.getDeployment")
    again = post(api, {"deploymentId": "d_none"}, path="/v2/deploy.getDeployment")

    assert first.status_code == 404
    assert (again["Idempotent-Replayed"], again.content) == ("true", first.content)


def test_a_credential_that_is_shown_once_is_kept_sealed(api: Api) -> None:
    first = post(api, {"name": "server-1"}, path="/api/v1/agents")
    again = post(api, {"name": "server-1"}, path="/api/v1/agents")

    key = read(first, 201)["data"]["key"]
    assert read(again, 201)["data"]["key"] == key
    assert key.encode() not in bytes(IdempotencyRecord.objects.get().body or b"")
    assert Agent.objects.count() == 1


# --- When something goes wrong ----------------------------------------------------------------


def test_a_bug_is_not_kept_and_leaves_nothing_behind(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("orgs.api.environments.show_environment", broken)
        assert post(api).status_code == 500

    assert not Environment.objects.filter(name="Staging").exists()
    assert not IdempotencyRecord.objects.exists()
    assert post(api).status_code == 201


def test_unavailable_is_not_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise Unavailable("Come back later.")

    with monkeypatch.context() as patch:
        patch.setattr("orgs.api.environments.show_environment", away)
        response = post(api)
        assert (response.status_code, response["Retry-After"]) == (503, "5")

    assert not Environment.objects.filter(name="Staging").exists()
    assert post(api).status_code == 201


def crash_after_claiming(api: Api, *, ago: timedelta) -> None:
    """What a process leaves behind that died between its claim and its answer."""
    response = post(api)
    assert response.status_code == 201
    Environment.objects.filter(name="Staging").delete()
    IdempotencyRecord.objects.update(status=None, body=None, locked_at=timezone.now() - ago)


def test_a_request_that_is_still_running_is_409_and_says_when_to_come_back(api: Api) -> None:
    crash_after_claiming(api, ago=timedelta(seconds=50))

    response = post(api)

    assert read(response, 409)["code"] == "idempotency_key_in_use"
    assert response["Retry-After"] == "1"
    assert not Environment.objects.filter(name="Staging").exists()


def test_a_claim_whose_process_died_may_be_taken_over_after_a_minute(api: Api) -> None:
    crash_after_claiming(api, ago=timedelta(seconds=61))

    assert post(api).status_code == 201
    assert post(api)["Idempotent-Replayed"] == "true"


def test_another_request_cannot_take_over_an_abandoned_claim(api: Api) -> None:
    crash_after_claiming(api, ago=timedelta(seconds=61))

    assert post(api, {"name": "Production"}).status_code == 422


def test_after_a_day_a_key_is_new_again(api: Api) -> None:
    post(api)
    IdempotencyRecord.objects.update(locked_at=timezone.now() - timedelta(hours=25))

    assert post(api, {"name": "Production"}).status_code == 201


def test_who_was_overtaken_keeps_no_answer_and_undoes_its_work(northwind: Organization) -> None:
    slow = idempotency.claim(northwind, key="k", fingerprint="f")
    assert isinstance(slow, idempotency.Claim)
    IdempotencyRecord.objects.update(locked_at=slow.locked_at - timedelta(minutes=2))
    quick = idempotency.claim(northwind, key="k", fingerprint="f")
    assert isinstance(quick, idempotency.Claim)

    late, kept = (idempotency.Answer(201, body, "req_1") for body in (b"slow", b"quick"))
    with pytest.raises(idempotency.ClaimLost):
        idempotency.finish(slow, answer=late)
    idempotency.finish(quick, answer=kept)

    assert idempotency.claim(northwind, key="k", fingerprint="f") == kept


def test_old_answers_are_forgotten(api: Api) -> None:
    post(api, key="old")
    IdempotencyRecord.objects.update(locked_at=timezone.now() - timedelta(hours=25))
    post(api, {"name": "Production"}, key="new")

    assert idempotency.forget_old() == 1
    assert IdempotencyRecord.objects.get().key == "new"


# --- At the same moment -----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_while_the_first_runs_a_second_is_409_and_then_replayed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_inside, may_go_on = threading.Event(), threading.Event()
    show = edge.show_environment

    def slowly(environment: Environment) -> edge.EnvironmentShown:
        is_inside.set()
        assert may_go_on.wait(timeout=10)
        return show(environment)

    monkeypatch.setattr(edge, "show_environment", slowly)

    def first() -> HttpResponse:
        try:
            return post(api)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        assert is_inside.wait(timeout=10)
        meanwhile = post(api)
        may_go_on.set()
        done = running.result(timeout=10)

    assert (meanwhile.status_code, meanwhile["Retry-After"]) == (409, "1")
    assert done.status_code == 201
    assert post(api).content == done.content


@pytest.mark.django_db(transaction=True)
def test_of_ten_at_once_one_is_done_and_the_others_wait_or_repeat_it(api: Api) -> None:
    answers = at_once(10, lambda _: post(api))

    statuses = Counter(
        (answer.status_code, answer.get("Idempotent-Replayed")) for answer in answers
    )
    assert statuses[201, None] == 1
    assert statuses[201, "true"] + statuses[409, None] == 9
    assert Environment.objects.filter(name="Staging").count() == 1
