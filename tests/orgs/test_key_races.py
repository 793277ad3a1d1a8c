"""Two at once with one key: one rotation wins, and a revoked key's next request is refused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.http import HttpResponse

from hydra.errors import Conflict
from orgs.models import Actor, ApiKey, Environment, Event, Organization, PersonalToken, Role, User
from orgs.models.rights import powers_of
from orgs.services import environments, keys, tokens
from orgs.services.credentials import AlreadyRotated, CredentialEnded
from tests import factories
from tests.api.client import Api
from tests.factories import actor_of
from tests.together import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def rotate_key(key: ApiKey, owner: User) -> None:
    keys.rotate_key(
        key, overlap_days=7, powers=powers_of(Role.OWNER), by=actor_of(owner), creator=owner
    )


def test_of_two_who_rotate_at_once_one_wins() -> None:
    org = factories.make_org()
    owner = factories.owner_of(org)
    key, _ = factories.make_key(org)

    def rotate(_: int) -> str:
        try:
            rotate_key(key, owner)
        except AlreadyRotated:
            return "refused"
        return "rotated"

    outcomes = at_once(4, rotate)

    assert sorted(outcomes) == ["refused"] * 3 + ["rotated"]
    assert ApiKey.objects.count() == 2
    assert Event.objects.filter(verb="api_key.rotated").count() == 1


def test_of_two_who_rotate_a_token_at_once_one_wins() -> None:
    person = factories.owner_of(factories.make_org())
    token, _ = factories.make_token(person)

    def rotate(_: int) -> str:
        try:
            tokens.rotate_token(
                token, overlap_days=7, powers=tokens.powers_of(person), by=actor_of(person)
            )
        except AlreadyRotated:
            return "refused"
        return "rotated"

    assert sorted(at_once(3, rotate)) == ["refused"] * 2 + ["rotated"]
    assert PersonalToken.objects.count() == 2


def test_whoever_revokes_while_another_rotates_leaves_no_old_key_alive() -> None:
    org = factories.make_org()
    owner = factories.owner_of(org)
    key, token = factories.make_key(org)

    def act(number: int) -> str:
        if number:
            keys.revoke_key(ApiKey.objects.get(pk=key.pk), by=actor_of(owner))
            return "revoked"
        try:
            rotate_key(key, owner)
        except (CredentialEnded, Conflict):
            return "refused"
        return "rotated"

    first, second = at_once(2, act)

    assert second == "revoked"
    assert ApiKey.objects.count() == (2 if first == "rotated" else 1)
    key.refresh_from_db()
    assert key.state == "revoked"
    assert Api(token).get("/v1/health").status_code == 401


def test_a_request_under_way_may_end_when_its_key_is_revoked_and_the_next_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Revoking does not reach into what was let in: it holds from the next request on."""
    org = factories.make_org()
    key, token = factories.make_key(org, permissions=["environment.*.write"])
    is_inside, may_go_on = threading.Event(), threading.Event()
    create = environments.create_environment

    def slowly(org: Organization, *, name: str, by: Actor) -> Environment:
        is_inside.set()
        assert may_go_on.wait(timeout=30)
        return create(org, name=name, by=by)

    monkeypatch.setattr(environments, "create_environment", slowly)

    def ask() -> HttpResponse:
        try:
            return Api(token).post("/api/v1/environments", {"name": "Staging"})
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ask)
        assert is_inside.wait(timeout=30)
        keys.revoke_key(key, by=actor_of(factories.owner_of(org)))
        refused = Api(token).post("/api/v1/environments", {"name": "Production"})
        may_go_on.set()
        done = running.result(timeout=30)

    assert (done.status_code, refused.status_code) == (201, 401)
    assert Environment.objects.in_org(org).filter(name="Staging").exists()
    assert not Environment.objects.in_org(org).filter(name="Production").exists()
