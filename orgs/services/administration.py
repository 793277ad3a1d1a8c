"""What a site administrator changes. Each change stands in the log of whom it concerns."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from hydra.errors import Invalid, Refused
from orgs.models import Actor, BrowserSession, Membership, Organization, Plan, User
from orgs.services import events
from orgs.services.events import Subject

LIFTED = -1


class OwnStanding(Refused):
    """Nobody takes their own rights: somebody else would have to give them back."""

    code = "own_standing"


@transaction.atomic
def change_terms(
    org: Organization, *, plan: str, requests_per_minute: int | None, by: Actor
) -> Organization:
    """Set the plan, and the limit of requests that counts instead of the plan's. Safe to repeat."""
    if plan not in Plan.values:
        raise Invalid.at("plan", f"There is no plan {plan}.")
    if requests_per_minute not in (None, LIFTED) and requests_per_minute < 1:
        raise Invalid.at("requests_per_minute", "A limit is at least 1; -1 lifts it.")
    current = Organization.objects.select_for_update().get(pk=org.pk)
    asked = {"plan": plan, "requests_per_minute": requests_per_minute}
    before, after = differences(current, asked)
    if after:
        Organization.objects.filter(pk=org.pk).update(**after)
        events.record(
            org=org,
            by=by,
            verb="organization.terms_changed",
            subject=Subject("organization", org.uid, org.name),
            data={"before": before, "after": after},
        )
    return org


@transaction.atomic
def change_user(user: User, *, is_active: bool, is_staff: bool, by: Actor) -> User:
    """Set whether a person may sign in, and administer; told in each of their organizations.

    Who may no longer sign in is signed out everywhere by that, and their keys lose their rights.
    """
    current = User.objects.select_for_update().get(pk=user.pk)
    before, after = differences(current, {"is_active": is_active, "is_staff": is_staff})
    if not after:
        return user
    if current.uid == by.uid:
        raise OwnStanding("Ask another site administrator to change your own account.")
    User.objects.filter(pk=user.pk).update(**after)
    if not is_active:
        BrowserSession.objects.of(user).delete()
    for membership in Membership.objects.of(user):
        events.record(
            org=membership.org,
            by=by,
            verb="user.changed",
            subject=Subject("user", user.uid, str(user)),
            data={"before": before, "after": after},
        )
    return user


@transaction.atomic
def appoint(email: str, *, by: Actor) -> User:
    """Make a person a site administrator, with an account if they have none. Safe to repeat.

    A new account has no password until its owner sets one.
    """
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        return User.objects.create_user(email.strip(), None, is_staff=True)
    user.is_active = user.is_staff = True
    return change_user(user, is_active=True, is_staff=True, by=by)


def differences(row: Any, asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the fields that change held before, and will hold."""
    changed = [name for name, value in asked.items() if getattr(row, name) != value]
    return (
        {name: getattr(row, name) for name in changed},
        {name: asked[name] for name in changed},
    )
