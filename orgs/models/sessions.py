"""Where people are signed in. Django's sessions (`hydra.sessions`) are kept in these rows.

A cookie holds a session's key and no row does: rows are found by its digest, as with all keys, so
that a copy of the database lets nobody in.
"""

from __future__ import annotations

import hashlib

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from orgs.models.users import User

LONGEST_USER_AGENT = 200


class BrowserSessionQuerySet(models.QuerySet["BrowserSession"]):
    def of(self, user: User) -> BrowserSessionQuerySet:
        """All of this person, sign-ins that nobody finished yet included."""
        return self.filter(user=user)

    def signed_in(self) -> BrowserSessionQuerySet:
        return self.filter(is_signed_in=True, expires_at__gt=timezone.now())

    def kept_by(self, key: str | None) -> BrowserSessionQuerySet:
        """The one whose key a browser holds; none for no key."""
        return self.filter(digest=digest_of(key or ""))

    def over(self) -> BrowserSessionQuerySet:
        return self.filter(expires_at__lte=timezone.now())


class BrowserSession(models.Model):
    """What Hydra remembers of one browser, and who is signed in there or about to be.

    The content is sealed: half-done set-ups and links of mails pass through it.
    """

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the cookie's key")
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="browser_sessions")
    is_signed_in = models.BooleanField(default=False)
    content_sealed = models.BinaryField()
    address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=LONGEST_USER_AGENT, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()

    objects = BrowserSessionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="browser_session_over")]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_signed_in=False) | Q(user__isnull=False),
                name="browser_session_signed_in_is_somebody",
            ),
            models.CheckConstraint(condition=~Q(digest=""), name="browser_session_has_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.user_agent}".strip()


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
