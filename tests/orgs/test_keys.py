"""API keys: what is kept of them, who they speak for, and that a refusal never says why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hydra.errors import Invalid
from orgs.access import Right
from orgs.auth import KeyRefused, authenticate_key, forget_uses
from orgs.models import ActorKind, ApiKey, Event, Membership, Organization, Plan, Role, User
from orgs.models.rights import CI_PERMISSIONS, powers_of
from orgs.services import keys
from orgs.services.credentials import Wish
from tests import factories
from tests.factories import actor_of, make_key


def create(
    org: Organization, creator: User, wish: Wish, *, role: Role = Role.OWNER
) -> tuple[ApiKey, str]:
    return keys.create_key(
        org, wish=wish, powers=powers_of(role), by=actor_of(creator), creator=creator
    )


def test_a_key_is_known_by_its_digest_alone(northwind: Organization, olivia: User) -> None:
    key, token = create(northwind, olivia, Wish(" ci "))

    kept = ApiKey.objects.filter(pk=key.pk).values()[0]
    assert token not in str(kept)
    assert token.startswith(kept["shown_prefix"])
    assert token.endswith(kept["last_four"])
    assert kept["name"] == "ci"
    assert kept["permissions"] == list(CI_PERMISSIONS)
    event = Event.objects.get(verb="api_key.created")
    assert token not in str(event.data)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (Wish("  "), "name"),
        (Wish("x" * 101), "name"),
        (Wish("ci", ()), "permissions"),
        (Wish("ci", tuple(f"project.prj_{n}.read" for n in range(1001))), "permissions"),
        (Wish("ci", ("project.*.read", "project.*.fly")), "permissions.1"),
        (Wish("ci", ("project.read",)), "permissions.0"),
        (Wish("ci", ("project..read",)), "permissions.0"),
        (Wish("ci", ("token.*.read",)), "permissions.0"),  # that is a person's
        (Wish("ci", ("project.*.read", "project.prj_1.read")), "permissions.1"),
        (Wish("ci", expires_at=timezone.now() - timedelta(hours=1)), "expires_at"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_with_the_place(
    northwind: Organization, olivia: User, wrong: Wish, place: str
) -> None:
    with pytest.raises(Invalid) as refused:
        create(northwind, olivia, wrong)

    assert refused.value.details[0]["location"] == place
    assert not ApiKey.objects.exists()


def test_a_key_has_its_permissions_within_its_creators_role(
    northwind: Organization, max: User
) -> None:
    northwind.plan = Plan.TEAM
    northwind.save()
    mine, other = factories.make_project(northwind), factories.make_project(northwind)
    held = ["application.*.create_version", f"project.{mine.uid}.read"]
    key, token = make_key(northwind, creator=max, permissions=held)

    access = authenticate_key(token, request_id="req_1", address="192.0.2.7")

    assert access.org == northwind
    assert (access.org.slug, access.org.plan) == ("northwind", "team")
    assert access.actor.kind == ActorKind.KEY
    assert (access.actor.uid, access.actor.label) == (key.uid, "pipeline")
    assert (access.actor.request_id, access.actor.address) == ("req_1", "192.0.2.7")
    assert access.allows(Right.VERSION_CREATE)
    assert access.allows(Right.PROJECT_READ, mine.uid)
    assert not access.allows(Right.PROJECT_READ, other.uid)
    assert not access.allows(Right.DEPLOYMENT_CREATE)


@pytest.mark.parametrize("fate", ["demoted", "gone", "inactive"])
def test_a_key_loses_what_its_creator_loses(northwind: Organization, max: User, fate: str) -> None:
    _, token = make_key(northwind, creator=max)
    mine = Membership.objects.filter(user=max)
    if fate == "demoted":
        mine.update(role=Role.BILLING)
    elif fate == "gone":
        mine.delete()
    else:
        max.is_active = False
        max.save()

    assert not authenticate_key(token).allows(Right.VERSION_CREATE)


def test_the_role_counts_in_the_keys_own_organization(
    northwind: Organization, southwind: Organization, max: User
) -> None:
    factories.make_member(southwind, Role.OWNER, user=max)
    Membership.objects.filter(user=max, org=northwind).update(role=Role.USER)
    _, token = make_key(northwind, creator=max)

    assert authenticate_key(token).role == Role.USER


def test_a_good_key_costs_one_query(
    northwind: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, token = make_key(northwind)
    authenticate_key(token)

    with django_assert_num_queries(1):
        access = authenticate_key(token)
        assert access.org.slug == "northwind"
        assert access.org.requests_per_minute is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda token: token[:-1] + ("a" if token[-1] != "a" else "b"),
        lambda token: token[:-1],
        lambda token: token + " ",
        lambda token: token.replace("hyd_live_", "hya_"),
        lambda token: token[:12] + "é" + token[13:],
        lambda token: token[:12] + "\x00" + token[13:],
        lambda _: "",
        lambda _: "x" * 100_000,
    ],
)
def test_a_malformed_key_costs_no_query(
    northwind: Organization, django_assert_num_queries: DjangoAssertNumQueries, damage: object
) -> None:
    _, token = make_key(northwind)
    assert callable(damage)

    with django_assert_num_queries(0), pytest.raises(KeyRefused):
        authenticate_key(damage(token))


@pytest.mark.parametrize("fate", ["malformed", "unknown", "expired", "revoked"])
def test_every_refusal_is_the_same(
    northwind: Organization,
    olivia: User,
    fate: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    key, token = make_key(northwind)
    if fate == "malformed":
        token = token[:-2]
    elif fate == "unknown":
        key.delete()
    elif fate == "expired":
        ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        keys.revoke_key(key, by=actor_of(olivia))

    with django_assert_max_num_queries(1), pytest.raises(KeyRefused) as refused:
        authenticate_key(token)

    assert (
        refused.value.status,
        refused.value.code,
        refused.value.message,
        refused.value.details,
    ) == (
        401,
        "unauthorized",
        "This API key is not valid. Create one under Settings, API Keys.",
        [],
    )


def test_a_key_that_will_expire_works_until_then(northwind: Organization) -> None:
    _, token = make_key(northwind, expires_at=timezone.now() + timedelta(minutes=1))

    assert authenticate_key(token).org == northwind


def test_revoking_is_for_good_and_one_event(northwind: Organization, olivia: User) -> None:
    key, _ = make_key(northwind)

    first = keys.revoke_key(key, by=actor_of(olivia)).revoked_at
    second = keys.revoke_key(key, by=actor_of(olivia)).revoked_at

    assert first == second
    assert first is not None
    assert Event.objects.filter(verb="api_key.revoked").count() == 1


def test_use_is_noted_once_a_minute(
    northwind: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    key, token = make_key(northwind)

    with django_assert_num_queries(2):
        authenticate_key(token)
    with django_assert_num_queries(1):
        authenticate_key(token)

    key.refresh_from_db()
    assert key.last_used_at is not None


def test_another_process_notes_nothing_within_the_minute(northwind: Organization) -> None:
    key, token = make_key(northwind)
    authenticate_key(token)
    first = ApiKey.objects.get(pk=key.pk).last_used_at

    forget_uses()
    authenticate_key(token)

    assert ApiKey.objects.get(pk=key.pk).last_used_at == first
    assert first is not None
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    forget_uses()
    authenticate_key(token)
    later = ApiKey.objects.get(pk=key.pk).last_used_at
    assert later is not None
    assert later >= first
