"""What must never be true of organizations' and agents' rows, tried on the database itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from agents.models import Agent
from orgs.models import (
    SYSTEM,
    ApiKey,
    AuditSeal,
    BrowserSession,
    Environment,
    Event,
    FailedSignIn,
    Icon,
    IdempotencyRecord,
    InviteCode,
    Membership,
    Organization,
    PersonalToken,
    User,
)
from orgs.services.events import Subject, compose
from tests import factories

SUBJECT = Subject("organization", "org_1", "Somewhere")


def another_user(org: Organization) -> Model:
    return User(email="OLIVIA@northwind.example")


def nameless_user(org: Organization) -> Model:
    return User(email="")


def signed_in_as_nobody(org: Organization) -> Model:
    return BrowserSession(digest="0" * 64, is_signed_in=True, expires_at=timezone.now())


def session_without_digest(org: Organization) -> Model:
    return BrowserSession(digest="", expires_at=timezone.now())


def failure_beside_another(org: Organization) -> Model:
    FailedSignIn.objects.create(email="ada@northwind.example")
    return FailedSignIn(email="ada@northwind.example")


def failure_of_nothing(org: Organization) -> Model:
    return FailedSignIn(email="ada@northwind.example", proof="luck")


def unknown_plan(org: Organization) -> Model:
    return Organization(name="X", slug="x", plan="gold")


def nameless_org(org: Organization) -> Model:
    return Organization(name="", slug="x")


def suspended_for_nothing(org: Organization) -> Model:
    org.suspended_at = timezone.now()
    return org


def replaced_key_without_end(org: Organization) -> Model:
    key, _ = factories.make_key(org)
    key.replaced_by = factories.make_key(org)[0]
    return key


def key_with_an_unknown_warning(org: Organization) -> Model:
    key, _ = factories.make_key(org)
    key.warned_days = 5
    return key


def replaced_token_without_end(org: Organization) -> Model:
    owner = factories.owner_of(org)
    token, _ = factories.make_token(owner)
    token.replaced_by = factories.make_token(owner)[0]
    return token


def token_with_an_unknown_warning(org: Organization) -> Model:
    token, _ = factories.make_token(factories.owner_of(org))
    token.warned_days = 5
    return token


def nameless_token(org: Organization) -> Model:
    return PersonalToken(user=factories.owner_of(org), name="", digest="t" * 64)


def same_icon(org: Organization) -> Model:
    Icon.objects.create(org=org, digest="i" * 64, png=b"png")
    return Icon(org=org, digest="i" * 64, png=b"png")


def verified_up_to_nowhere(org: Organization) -> Model:
    return AuditSeal(org=org, head="0" * 64, mac="0" * 64, verified_at=timezone.now())


def second_membership(org: Organization) -> Model:
    return Membership(org=org, user=factories.owner_of(org), role="ORG_USER")


def unknown_role(org: Organization) -> Model:
    return Membership(org=org, user=factories.make_user(), role="ORG_KING")


def same_name(org: Organization) -> Model:
    factories.make_environment(org, "Production")
    return Environment(org=org, name="PRODUCTION", slug="other")


def same_slug(org: Organization) -> Model:
    factories.make_environment(org, "Production")
    return Environment(org=org, name="Other", slug="production")


def nameless_environment(org: Organization) -> Model:
    return Environment(org=org, name="", slug="x")


def invite_of_unknown_role(org: Organization) -> Model:
    invite, _ = factories.make_invite(org)
    invite.role = "ORG_KING"
    return invite


def invite_used_by_nobody(org: Organization) -> Model:
    invite, _ = factories.make_invite(org)
    invite.used_at = timezone.now()
    return invite


def invite_used_and_revoked(org: Organization) -> Model:
    invite, _ = factories.make_invite(org)
    invite.used_at = invite.revoked_at = timezone.now()
    invite.used_by = factories.make_user()
    return invite


def nameless_key(org: Organization) -> Model:
    key, _ = factories.make_key(org)
    key.name = ""
    return key


def second_sequence(org: Organization) -> Model:
    Event.objects.filter(org=org).delete()
    first = compose(org=org, by=SYSTEM, verb="a.happened", subject=SUBJECT)
    first.sequence = 1
    first.save()
    second = compose(org=org, by=SYSTEM, verb="b.happened", subject=SUBJECT)
    second.sequence = 1
    return second


def unknown_actor(org: Organization) -> Model:
    event = compose(org=org, by=SYSTEM, verb="a.happened", subject=SUBJECT)
    event.actor_kind = "ghost"
    return event


def verbless_event(org: Organization) -> Model:
    return compose(org=org, by=SYSTEM, verb="", subject=SUBJECT)


def repeated_idempotency_key(org: Organization) -> Model:
    IdempotencyRecord.objects.create(org=org, key="k", fingerprint="f")
    return IdempotencyRecord(org=org, key="k", fingerprint="g")


def answer_without_body(org: Organization) -> Model:
    return IdempotencyRecord(org=org, key="k", fingerprint="f", status=201)


def same_agent_name(org: Organization) -> Model:
    factories.make_agent(org, "web-1")
    return Agent(org=org, name="WEB-1", digest="d", shown_prefix="hya_", last_four="abcd")


def unknown_presence(org: Organization) -> Model:
    agent, _ = factories.make_agent(org)
    agent.presence = "asleep"
    return agent


def nameless_agent(org: Organization) -> Model:
    return Agent(org=org, name="", digest="d", shown_prefix="hya_", last_four="abcd")


CLAIMS: dict[str, Callable[[Organization], Model]] = {
    "user_email_unique_whatever_case": another_user,
    "user_has_email": nameless_user,
    "org_plan_known": unknown_plan,
    "org_has_name": nameless_org,
    "membership_once_per_org": second_membership,
    "membership_role_known": unknown_role,
    "environment_name_once_per_org": same_name,
    "environment_slug_once_per_org": same_slug,
    "environment_has_name": nameless_environment,
    "invite_role_known": invite_of_unknown_role,
    "invite_used_by_somebody_or_not": invite_used_and_revoked,
    "api_key_has_name": nameless_key,
    "api_key_replaced_has_an_end": replaced_key_without_end,
    "api_key_warning_known": key_with_an_unknown_warning,
    "org_suspended_with_a_reason": suspended_for_nothing,
    "token_has_name": nameless_token,
    "token_replaced_has_an_end": replaced_token_without_end,
    "token_warning_known": token_with_an_unknown_warning,
    "failed_sign_in_counted_once": failure_beside_another,
    "failed_sign_in_proof_known": failure_of_nothing,
    "icon_once_per_org": same_icon,
    "audit_seal_verified_up_to_somewhere": verified_up_to_nowhere,
    "browser_session_signed_in_is_somebody": signed_in_as_nobody,
    "browser_session_has_digest": session_without_digest,
    "event_sequence_unique": second_sequence,
    "event_actor_known": unknown_actor,
    "event_has_verb": verbless_event,
    "idempotency_key_once_per_org": repeated_idempotency_key,
    "idempotency_answer_whole": answer_without_body,
    "agent_name_once_per_org": same_agent_name,
    "agent_presence_known": unknown_presence,
    "agent_has_name": nameless_agent,
}
MODELS = (
    User,
    Organization,
    Membership,
    Environment,
    InviteCode,
    ApiKey,
    PersonalToken,
    Event,
    AuditSeal,
    BrowserSession,
    FailedSignIn,
    Icon,
    IdempotencyRecord,
    Agent,
)


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_database_refuses(northwind: Organization, claim: str) -> None:
    row = CLAIMS[claim](northwind)

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        row.save()

    columns = {
        "membership_once_per_org": "org_id",
        "environment_slug_once_per_org": "slug",
        "event_sequence_unique": "sequence",
        "idempotency_key_once_per_org": "key",
        "icon_once_per_org": "digest",
        "failed_sign_in_counted_once": "email",
    }
    assert claim in str(refused.value) or columns[claim] in str(refused.value)


def test_a_used_invite_names_its_user(northwind: Organization) -> None:
    row = invite_used_by_nobody(northwind)

    with (
        pytest.raises(IntegrityError, match="invite_used_by_somebody_or_not"),
        transaction.atomic(),
    ):
        row.save()


def test_every_constraint_is_tried_here() -> None:
    claims = {constraint.name for model in MODELS for constraint in model._meta.constraints}

    assert claims == set(CLAIMS)
