"""Mails that a key or personal token ends soon, fourteen and three days before."""

from __future__ import annotations

import smtplib
import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from orgs.models import SYSTEM, ApiKey, Membership, PersonalToken, Role, User
from orgs.models.keys import FIRST_WARNING_DAYS, LAST_WARNING_DAYS
from orgs.services import keys, tokens

log = structlog.get_logger(__name__)

AT_ONCE = 20
AT_MOST_SECONDS = 30.0
CLAIMED_FOR = timedelta(minutes=5)

# The server is away, and would be for the next mail too.
AWAY = (OSError, smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError)


def warn_of_endings() -> int:
    """Tell those concerned what ends soon; how many keys and tokens they were told of.

    A warning is claimed for a few minutes, sent outside any transaction, and then noted. Whoever
    dies in between leaves a claim that lapses: the mail is sent once, at worst twice, and never
    not at all.
    """
    stop_at, count, now = time.monotonic() + AT_MOST_SECONDS, 0, timezone.now()
    api_keys = ApiKey.objects.with_names().to_warn_of(now)[:AT_ONCE]
    own_tokens = PersonalToken.objects.with_names().to_warn_of(now)[:AT_ONCE]
    for credential in (*api_keys, *own_tokens):
        if time.monotonic() > stop_at:
            break
        try:
            count += warn(credential)
        except AWAY as error:
            log.warning("endings.mail_server_away", error=str(error))
            break
        except smtplib.SMTPException as error:
            log.warning("endings.mail_refused", credential=credential.uid, error=str(error))
    return count


def warn(credential: ApiKey | PersonalToken) -> bool:
    """Send one warning, if nobody else does; whether it was ours to send."""
    claimed_until = claim(credential)
    if claimed_until is None:
        return False
    people = concerned(credential)
    if people:
        compose(credential, people).send()
    note(credential, claimed_until=claimed_until, told=len(people))
    return True


def claim(credential: ApiKey | PersonalToken) -> datetime | None:
    """Until when the warning is ours; None when it is somebody else's, or needless by now."""
    now = timezone.now()
    until = now + CLAIMED_FOR
    free = Q(warning_claimed_until=None) | Q(warning_claimed_until__lte=now)
    rows = type(credential).objects.filter(
        free,
        pk=credential.pk,
        revoked_at=None,
        warned_days=credential.warned_days,
        expires_at=credential.expires_at,
    )
    return until if rows.update(warning_claimed_until=until) else None


@transaction.atomic
def note(credential: ApiKey | PersonalToken, *, claimed_until: datetime, told: int) -> None:
    """Remember that it was sent; who overran the claim leaves that to whoever took it over."""
    days = days_before(credential)
    rows = type(credential).objects.filter(pk=credential.pk, warning_claimed_until=claimed_until)
    if not rows.update(warned_days=days, warning_claimed_until=None):
        return
    data = {"days": days, "told": told}
    if isinstance(credential, ApiKey):
        keys.record(credential, "api_key.warned", by=SYSTEM, data=data)
    else:
        tokens.record(credential, "token.warned", by=SYSTEM, data=data)


def days_before(credential: ApiKey | PersonalToken) -> int:
    """Which of the two warnings it is."""
    assert credential.expires_at is not None  # noqa: S101  # else there is no end to warn of
    left = credential.expires_at - timezone.now()
    return LAST_WARNING_DAYS if left <= timedelta(days=LAST_WARNING_DAYS) else FIRST_WARNING_DAYS


def concerned(credential: ApiKey | PersonalToken) -> list[User]:
    """The person whose token it is, or who made the key; of a key nobody's any more the owners."""
    if isinstance(credential, PersonalToken):
        return [credential.user] if credential.user.is_active else []
    members = Membership.objects.in_org(credential.org).filter(user__is_active=True).with_names()
    found = members.filter(user=credential.created_by_id) or members.filter(role=Role.OWNER)
    return [membership.user for membership in found]


def compose(credential: ApiKey | PersonalToken, people: list[User]) -> EmailMessage:
    context = told_of(credential)
    # A name may hold line breaks, which no subject may.
    subject = " ".join(f"{context['what']} “{credential.name}” ends soon".split())
    body = render_to_string("orgs/mail/credential_ends.txt", context)
    return EmailMessage(subject, body, to=[person.email for person in people])


def told_of(credential: ApiKey | PersonalToken) -> dict[str, Any]:
    if isinstance(credential, ApiKey):
        what, where = f"{credential.org}: API key", reverse("orgs:keys", args=[credential.org.slug])
    else:
        what, where = "Personal token", reverse("orgs:tokens")
    return {
        "credential": credential,
        "what": what,
        "address": f"{settings.HYDRA_URL}{where}#{credential.uid}",
    }
