"""Who may do what: the policy, and the gate that every page passes.

A role or a key *grants* rights and a route *needs* one (the table is `orgs.models.rights`);
`Access.allows` is the whole policy.
Rows are then reached through `request.org`, never through the whole table.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from hydra import sealed
from hydra.errors import Forbidden, Refused
from hydra.htmx import HtmxRequest
from hydra.requests import request_id_of
from orgs.models import Actor, ActorKind, Membership, Organization, Role, User
from orgs.models.rights import ROLE_RIGHTS, Powers, Right, permission

__all__ = [
    "Access",
    "OrgRequest",
    "Right",
    "TwoFactorNeeded",
    "access_of",
    "actor_of",
    "address_of",
    "fresh",
    "has_two_factor",
    "is_fresh",
    "kept_form",
    "member",
    "permission",
    "require_two_factor",
]


LAST_ORG = "org"  # in the session
LONGEST_ADDRESS = 45  # an IPv6 address that maps an IPv4 one
FRESH_SECONDS = 10 * 60
KEPT_FORM = "kept_form"  # in the session
LONGEST_KEPT_FORM = 64 * 1024


@dataclass(frozen=True)
class Access:
    """One actor in one organization, with what it may do there.

    `permissions` is None for a person, whose role alone decides; a key is held to both.
    `user_pk` is that person, or the one whom a key acts for: its creator. `credential` is the uid
    of the key or token that was sent.
    """

    org: Organization
    actor: Actor
    role: str
    permissions: frozenset[str] | None = None
    user_pk: int = 0
    credential: str = ""

    @property
    def powers(self) -> Powers:
        """What may be handed on to a key."""
        rights = frozenset(right for right in Right if self.role_grants(right))
        return Powers(rights, self.permissions)

    def allows(self, right: Right, scope: str = "") -> bool:
        """Whether the right is granted, on the object with uid `scope` or on all."""
        if not self.role_grants(right):
            return False
        if self.permissions is None or permission(right) in self.permissions:
            return True
        return bool(scope) and permission(right, scope) in self.permissions

    def role_grants(self, right: Right) -> bool:
        """What the role may do; a manager changes the settings only where an owner lets them."""
        if right in ROLE_RIGHTS.get(self.role, frozenset()):
            return True
        is_lent = right == Right.ORGANIZATION_UPDATE and self.role == Role.MANAGER
        return is_lent and self.org.managers_may_edit

    def require(self, right: Right, scope: str = "") -> None:
        if not self.allows(right, scope):
            raise Forbidden(permission(right, scope))

    def scopes(self, right: Right) -> frozenset[str] | None:
        """The uids a list is limited to; None when it is not. Forbidden when there are none."""
        if self.allows(right):
            return None
        resource, action = right.split(".")
        found = {
            scope
            for held in self.permissions or ()
            for res, scope, act in [held.split(".")]
            if self.role_grants(right) and (res, act) == (resource, action)
        }
        if not found:
            raise Forbidden(permission(right))
        return frozenset(found)


class TwoFactorNeeded(Refused):
    """The organization wants its members to have a second factor, and this one has none yet."""

    code = "two_factor_required"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, org: Organization) -> None:
        super().__init__(
            f"{org} lets nobody in without two-factor authentication. "
            "Switch it on under Account, Security."
        )


def has_two_factor(user: User) -> bool:
    """Whether the account has an authenticator app or a passkey; recovery codes do not count."""
    return user.has_two_factor()


def require_two_factor(org: Organization, user: User) -> None:
    """Refuse a member without a second factor, where the organization wants one."""
    if org.requires_two_factor and not has_two_factor(user):
        raise TwoFactorNeeded(org)


class OrgRequest(HtmxRequest):
    """A request that passed the gate."""

    user: User
    org: Organization
    access: Access


Page = Callable[..., HttpResponseBase]


def member(right: Right) -> Callable[[Page], Page]:
    """The gate of a page below `/o/<org>/`: a stranger gets 404, a role too low 403.

    Whoever lacks the second factor that the organization wants is led to where it is switched on.
    """

    def gate(view: Page) -> Page:
        @wraps(view)
        def entered(request: Any, org: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                request.access = access_of(request, org)
            except TwoFactorNeeded:
                return lead(request, reverse("orgs:two-factor"))
            request.org = request.access.org
            request.access.require(right)
            remember(request, request.org)
            return view(request, *args, **kwargs)

        return entered

    return gate


def fresh(view: Page) -> Page:
    """Below the gate: whoever signed in more than ten minutes ago confirms first that it is them.

    What a form carried is kept, sealed, and offered again afterwards.
    """

    @wraps(view)
    def confirmed(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_fresh(request):
            if request.method == "POST":
                request.session.pop(KEPT_FORM, None)
            return view(request, *args, **kwargs)
        following = request.get_full_path()
        if request.method == "POST" and keep_form(request):
            following = reverse("orgs:continue")
        query = urlencode({"next": following})
        return lead(request, f"{reverse('account_reauthenticate')}?{query}")

    return confirmed


def lead(request: Any, address: str) -> HttpResponseBase:
    """Send the whole page elsewhere, also when only a part of it was asked for."""
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person proved within the last ten minutes who they are."""
    user = request.user
    if not isinstance(user, User):
        return False
    proofs = [record["at"] for record in get_authentication_records(request, user)]
    return bool(proofs) and 0 <= time.time() - max(proofs) < FRESH_SECONDS


def keep_form(request: Any) -> bool:
    """Keep what was typed until it may be sent; files and what is very long are not kept."""
    typed = request.POST.copy()
    typed.pop("csrfmiddlewaretoken", None)
    text = typed.urlencode()
    if request.FILES or len(text) > LONGEST_KEPT_FORM:
        return False
    blob = sealed.seal(text, bound_to=binding_of(request.user))
    request.session[KEPT_FORM] = {
        "address": request.get_full_path(),
        "typed": base64.b64encode(blob).decode(),
        "at": time.time(),
    }
    return True


def kept_form(request: HttpRequest) -> tuple[str, QueryDict] | None:
    """Where the form was going that `fresh` held up, and what was typed; None after a while."""
    kept = request.session.get(KEPT_FORM)
    if not kept or time.time() - kept["at"] > FRESH_SECONDS or not isinstance(request.user, User):
        return None
    blob = base64.b64decode(kept["typed"])
    try:
        text = sealed.open_text(blob, bound_to=binding_of(request.user))
    except sealed.SealBroken:  # the session was taken over by somebody else's sign-in
        return None
    return kept["address"], QueryDict(text)


def binding_of(user: User) -> str:
    return sealed.binding("session", row=user.uid, field=KEPT_FORM, org="")


def remember(request: HttpRequest, org: Organization) -> None:
    """The organization that `/` leads to next time."""
    if request.session.get(LAST_ORG) != org.slug:
        request.session[LAST_ORG] = org.slug


def access_of(request: HttpRequest, slug: str) -> Access:
    """The signed-in person's access to the organization, which else does not exist.

    Suspended if the organization is: only its people learn that.
    """
    user = request.user
    if not isinstance(user, User):
        raise Http404
    membership = Membership.objects.of(user).filter(org__slug=slug).first()
    if membership is None:
        raise Http404
    membership.org.require_active()
    require_two_factor(membership.org, user)
    Membership.objects.touch(membership)
    return Access(
        membership.org, actor_of(request, user), membership.role, user_pk=membership.user_id
    )


def actor_of(request: HttpRequest, user: User) -> Actor:
    return Actor(ActorKind.USER, user.uid, str(user), request_id_of(request), address_of(request))


def address_of(request: HttpRequest) -> str:
    """Where the request came from: behind a proxy, what the proxy itself saw and appended."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.HYDRA_BEHIND_PROXY else ""
    seen = forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))
    return seen[:LONGEST_ADDRESS]
