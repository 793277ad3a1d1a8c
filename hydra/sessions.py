"""Django's sessions, in rows that are found by a digest of the key and hold their content sealed.

Why the library's two tables would not do: docs/decisions/0065-a-session-is-found-by-a-digest.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.http import base36_to_int

from hydra import sealed
from orgs.models.sessions import LONGEST_USER_AGENT, BrowserSession, digest_of

SIGNED_IN = "_auth_user_id"  # Django's name in a session for whoever is signed in
UNFINISHED = "account_login"  # django-allauth's for whoever still owes something, such as a code
CAME_FROM = "came_from"  # ours: network address and browser
# Of whoever is not signed in, and may make as many as they like: no way in takes longer than this.
IN_PASSING = timedelta(hours=1)


class SessionStore(SessionBase):
    """Django's sessions, in rows of `BrowserSession`. `session_key` is what the cookie holds."""

    def exists(self, session_key: str) -> bool:
        return BrowserSession.objects.kept_by(session_key).exists()

    def create(self) -> None:
        while True:
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]  # the stubs lack it
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def load(self) -> dict[str, Any]:
        row = BrowserSession.objects.kept_by(self.session_key)
        held = row.filter(expires_at__gt=timezone.now()).values_list("content_sealed", flat=True)
        blob = held.first()
        if blob is None:
            self._session_key = None
            return {}
        try:
            text = sealed.open_sealed(blob, bound_to=binding_of(self.session_key or ""))
        except sealed.SealBroken:  # its key was retired: nobody is signed in by it any more
            return {}
        content: dict[str, Any] = self.serializer().loads(text)
        return content

    def save(self, must_create: bool = False) -> None:
        """Write it down. One that was ended meanwhile stays ended: `UpdateError`."""
        if self.session_key is None:
            self.create()
            return
        content = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # the stubs lack it
        columns = self.columns(content)
        if not must_create:
            if not BrowserSession.objects.kept_by(self.session_key).update(**columns):
                raise UpdateError
            return
        try:
            with transaction.atomic():
                BrowserSession.objects.create(digest=digest_of(self.session_key), **columns)
        except IntegrityError as error:
            raise CreateError from error

    def columns(self, content: dict[str, Any]) -> dict[str, Any]:
        is_signed_in = SIGNED_IN in content
        address, user_agent = content.get(CAME_FROM, ("", ""))
        text = self.serializer().dumps(content)
        return {
            "user_id": person_in(content),
            "is_signed_in": is_signed_in,
            "content_sealed": sealed.seal(text, bound_to=binding_of(self.session_key or "")),
            "address": address,
            "user_agent": user_agent[:LONGEST_USER_AGENT],
            "expires_at": self.get_expiry_date() if is_signed_in else timezone.now() + IN_PASSING,
        }

    def delete(self, session_key: str | None = None) -> None:
        BrowserSession.objects.kept_by(session_key or self.session_key).delete()

    @classmethod
    def clear_expired(cls) -> None:
        BrowserSession.objects.over().delete()


def binding_of(key: str) -> str:
    return sealed.binding("browser_session", row=digest_of(key), field="content", org="")


def person_in(content: dict[str, Any]) -> int | None:
    """Whose session it is: who is signed in, or gave a password and owes the second factor."""
    if SIGNED_IN in content:
        return int(content[SIGNED_IN])
    unfinished = (content.get(UNFINISHED) or {}).get("user_pk")
    return base36_to_int(unfinished) if unfinished else None
