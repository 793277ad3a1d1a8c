"""What people change about their own accounts, told to each of their organizations."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction

from hydra.errors import Conflict
from hydra.names import require_plain
from orgs.models import (
    Actor,
    BrowserSession,
    BrowserSessionQuerySet,
    Membership,
    PersonalToken,
    User,
)
from orgs.models.sessions import digest_of
from orgs.services import events
from orgs.services.events import Subject


@transaction.atomic
def tell(user: User, verb: str, *, by: Actor, data: dict[str, Any] | None = None) -> None:
    """Write an event about the person wherever they belong; somewhere else it concerns nobody."""
    memberships = Membership.objects.of(user)
    events.record_all(
        [
            events.compose(
                org=membership.org,
                by=by,
                verb=verb,
                subject=Subject("user", user.uid, str(user)),
                data=data,
            )
            for membership in memberships
        ]
    )


def plain_name(name: str) -> str:
    """A person's name as it is kept; it stands in mails, also to others."""
    return " ".join(require_plain(name).split())


@transaction.atomic
def change_name(user: User, *, name: str, by: Actor) -> None:
    before, user.name = user.name, plain_name(name)
    if user.name == before:
        return
    user.save(update_fields=["name"])
    tell(
        user,
        "user.name_changed",
        by=by,
        data=events.changes({"name": before}, {"name": user.name}),
    )


@transaction.atomic
def change_email(user: User, *, email: str, by: Actor) -> None:
    """Give the account the address that was just proved to be its owner's."""
    user = User.objects.select_for_update().get(pk=user.pk)
    before, user.email = user.email, email.lower()
    try:
        with transaction.atomic():
            user.save(update_fields=["email"])
    except IntegrityError as error:
        raise Conflict("The address was taken meanwhile. Your old one stays.") from error
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.filter(email=user.email, verified=False).delete()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    tell(
        user,
        "user.email_changed",
        by=by,
        data=events.changes({"email": before}, {"email": user.email}),
    )


@transaction.atomic
def end_sessions(user: User, *, sessions: BrowserSessionQuerySet, by: Actor) -> int:
    """Sign these browsers out; how many there were.

    A sign-in that waits for its second factor there ends as well: whoever knows the password does
    not get in afterwards with what they began before.
    """
    own = sessions.of(user)
    signed_in = own.signed_in().count()
    ended, _ = own.delete()
    if ended:
        tell(user, "user.sessions_ended", by=by, data={"sessions": signed_in})
    return signed_in


@transaction.atomic
def follow_new_password(
    user: User, *, keep: str | None, by: Actor, data: dict[str, Any] | None = None
) -> None:
    """End what was begun with the old one, finished or not, but for the browser with this key."""
    others = BrowserSession.objects.of(user).exclude(digest=digest_of(keep or ""))
    others.delete()
    tell(user, "user.password_changed", by=by, data=data)


def is_address_proved(user: User) -> bool:
    """Whether somebody opened a mail that was sent there."""
    proved = EmailAddress.objects.filter(user=user, email=user.email, verified=True)
    return bool(proved.exists())


def has_more_than_a_password(user: User) -> bool:
    """Whether something else lets somebody in, or acts for them."""
    ways = (Authenticator.objects, SocialAccount.objects, PersonalToken.objects.live())
    return any(way.filter(user=user).exists() for way in ways)


@transaction.atomic
def disconnect(user: User, *, account: SocialAccount, by: Actor) -> None:
    """Let the provider sign this person in no more, unless nothing else would."""
    if not user.has_usable_password() and not user.has_two_factor():
        raise Conflict("Choose a password first: nothing else would let you in.")
    account.delete()
    tell(user, "user.sign_on_disconnected", by=by)
