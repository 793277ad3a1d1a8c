"""The gate of the API: wiring, on top of everything, and named in the settings' middleware.

A request below a face leaves Django's usual path here: no session, no cookie, no page's middleware.
In this order: the key, its organization, the limit of its minute, the route, the repeat, the view;
and whatever happens is answered in the face's dialect with the same headers.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.urls import Resolver404, ResolverMatch, resolve
from django.views import defaults
from rest_framework.exceptions import APIException

from billing import plans
from hydra import keys, refusals
from hydra.api import faults
from hydra.api.answers import answer
from hydra.api.calls import Call
from hydra.api.dialects import dialect_of
from hydra.api.limits import limiter, network_of
from hydra.errors import DatabaseAway, Invalid, NotFound, Refused
from hydra.requests import HEADER, request_id_of
from orgs import auth
from orgs.access import Access, address_of
from orgs.models import Plan
from orgs.services import idempotency

REFUSALS = (Refused, Http404, APIException, SuspiciousOperation, UnreadablePostError)

BELOW_AN_ORGANIZATION = "api/v1/orgs/<"
PROJECTS = "api/v1/projects"  # to create one may name its organization in the body

NOT_KEPT = frozenset({401, 403, 429})  # with the failures of a server, that may pass
FAILURES_PER_MINUTE = 60
TRUSTED_FOR_SECONDS = 600
MAX_TRUSTED = 10_000

# Since when a key in the address is deprecated (RFC 9745): it ends up in the logs of proxies.
KEY_IN_ADDRESS = {
    "Deprecation": "@1763683200",
    "Link": '</api/docs/#key-in-address>; rel="deprecation"; type="text/html"',
}


class FaceMiddleware:
    """Answers everything below a face of the API; passes on everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        dialect = dialect_of(request.path_info)
        if dialect is None:
            return self.get_response(request)
        call = Call(request, dialect, request_id_of(request))
        request.call = call  # type: ignore[attr-defined]  # ours, on Django's class
        try:
            response = enter(call)
        except REFUSALS as error:
            response = word(call, faults.fault_of(error))
        return dress(call, response)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of what nobody caught: below a face its dialect, elsewhere a page.

    A database that is away is no bug, and asking again helps.
    """
    call: Call | None = getattr(request, "call", None)
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    if call is not None:
        fault = faults.fault_of(DatabaseAway()) if is_away else faults.INTERNAL
        return dress(call, word(call, fault))
    return refusals.come_again(request) if is_away else defaults.server_error(request)


def enter(call: Call) -> HttpResponse:
    request = call.request
    request.get_host()  # a host that is not ours is refused before anything is believed
    token = token_of(call)
    bearer = admit(call, token)
    request.bearer = bearer  # type: ignore[attr-defined]  # ours, on Django's class
    match, access = settle(call, bearer)
    if call.dialect.takes_key_anywhere and call.sent.get("key", token) != token:
        raise auth.KeyRefused
    if access is not None:
        access.org.require_active()
    request.access = access  # type: ignore[attr-defined]  # as above
    key = request.headers.get("Idempotency-Key")
    if request.method == "POST" and key is not None and access is not None:
        return answer_once(call, match, access=access, key=key)
    return run(call, match)


def settle(call: Call, bearer: auth.Bearer) -> tuple[ResolverMatch, Access | None]:
    """Count the request, and find its route and the organization that it is about, if any."""
    if isinstance(bearer, Access):
        return enter_as_program(call, bearer)
    return enter_as_person(call, bearer)


def enter_as_program(call: Call, access: Access) -> tuple[ResolverMatch, Access]:
    """A key works in one organization; a request that names another finds nothing there."""
    count(call, access.credential, plans.requests_per_minute(access.org))
    match = route(call.request)
    named = organization_named(call, match)
    if named not in ("", access.org.slug, access.org.uid):
        raise NotFound(f"There is no organization {named}.")
    return match, access


def enter_as_person(call: Call, bearer: auth.TokenBearer) -> tuple[ResolverMatch, Access | None]:
    """A token works where the request says, and has in each organization the limit of its plan.

    What is asked of no organization, or of none of theirs, counts for itself.
    """
    limit = plans.PLANS[Plan.FREE].requests_per_minute
    try:
        match = route(call.request)
        access = None if is_personal(match) else bearer.access_in(organization_named(call, match))
    except REFUSALS:
        count(call, bearer.credential, limit)
        raise
    if access is None:
        count(call, bearer.credential, limit)
    else:
        limit = plans.requests_per_minute(access.org)
        count(call, f"{bearer.credential}:{access.org.uid}", limit)
    return match, access


def count(call: Call, name: str, limit: int) -> None:
    """Count the request; refuse it when it is one too many."""
    call.standing = limiter.use(name, limit)
    if call.standing.is_over:
        raise faults.RateLimited(
            f"More than {call.standing.limit} requests in this minute.",
            retry_after_seconds=call.standing.seconds_left,
        )


def is_personal(match: ResolverMatch) -> bool:
    """Whether the route concerns a person and no organization."""
    return bool(getattr(getattr(match.func, "cls", None), "is_personal", False))


def organization_named(call: Call, match: ResolverMatch) -> str:
    """The organization that a request means: by its address, a header, its query or its body."""
    if match.route.startswith(BELOW_AN_ORGANIZATION):
        return str(match.kwargs["slug"])
    request = call.request
    asked = request.GET.get("orgSlug") or request.GET.get("org") or ""
    named = request.headers.get("X-Hydra-Organization", "").strip() or asked
    if named or request.method != "POST" or match.route != PROJECTS:
        return named
    in_body = call.sent.get("orgSlug")
    return in_body if isinstance(in_body, str) else ""


def token_of(call: Call) -> str:
    """The key that was sent: as a bearer, in the address or in the body. Two that differ are none.

    The body is only read for it when there is no other, so that nobody without a key makes us
    parse one.
    """
    scheme, _, bearer = call.request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    sent: list[object] = [bearer.strip()] if scheme.lower() == "bearer" else []
    if call.dialect.takes_key_anywhere:
        in_address = call.request.GET.getlist("key")
        if in_address:
            call.headers.update(KEY_IN_ADDRESS)
        sent += in_address
        if not sent:
            sent = [call.sent.get("key")]
    token = sent[0] if sent and all(other == sent[0] for other in sent) else ""
    return token if isinstance(token, str) else ""


def admit(call: Call, token: str) -> auth.Bearer:
    """Whom the key belongs to. An address that keeps failing is not looked up for a while."""
    address = address_of(call.request)
    name = f"failures:{network_of(address)}"
    call.standing = limiter.look(name, FAILURES_PER_MINUTE)
    if call.standing.is_over and not trusted.has(token):
        raise too_many_failures(call)
    try:
        bearer = auth.authenticate(token, request_id=call.request_id, address=address)
    except auth.KeyRefused:
        call.standing = limiter.use(name, FAILURES_PER_MINUTE)
        if call.standing.is_over:
            raise too_many_failures(call) from None
        raise
    trusted.add(token)
    return bearer


def too_many_failures(call: Call) -> faults.RateLimited:
    seconds = call.standing.seconds_left if call.standing is not None else 1
    message = "Too many requests without a valid key came from this address."
    return faults.RateLimited(message, retry_after_seconds=seconds)


def route(request: HttpRequest) -> ResolverMatch:
    if "\x00" in request.path_info:
        raise Http404
    for name, values in request.GET.lists():
        if any("\x00" in value for value in values):
            raise Invalid.at(f"query.{name}", "A text must not contain the character NUL.")
    try:
        match = resolve(request.path_info, urlconf="hydra.face_urls")
    except Resolver404:
        raise Http404 from None  # its message tells the whole URL configuration
    request.resolver_match = match
    return match


def run(call: Call, match: ResolverMatch) -> HttpResponse:
    """The view's answer. What it refuses is an answer too, and is kept like one, unless the same
    request may fare better another time: with one more permission, or a little later.
    """
    try:
        response: HttpResponse = match.func(call.request, *match.args, **match.kwargs)
    except REFUSALS as error:
        fault = faults.fault_of(error)
        if fault.status in NOT_KEPT or fault.status >= 500:
            raise
        return word(call, fault)
    return response


def answer_once(call: Call, match: ResolverMatch, *, access: Access, key: str) -> HttpResponse:
    """Do the request, unless it was done before: then answer what was answered then."""
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Invalid.at("Idempotency-Key", "An Idempotency-Key has 1 to 255 ASCII characters.")
    claim = idempotency.claim(access.org, key=key, fingerprint=fingerprint(call, access))
    if isinstance(claim, idempotency.Answer):
        replayed = HttpResponse(claim.body, status=claim.status, content_type="application/json")
        replayed["Idempotent-Replayed"] = "true"
        replayed[HEADER] = claim.request_id  # which may stand in the body, too
        return replayed
    with idempotency.held(claim), transaction.atomic():
        response = run(call, match)
        given = idempotency.Answer(response.status_code, response.content, call.request_id)
        idempotency.finish(claim, answer=given)
    return response


def fingerprint(call: Call, access: Access) -> str:
    """What makes two requests the same: who asks, for what, with which body.

    Who asks belongs to it, so that no key is shown the answer that another one got.
    """
    query = sorted((name, values) for name, values in call.request.GET.lists() if name != "key")
    told = f"{access.credential}|{call.request.method}|{call.request.path}|{query}|"
    return hashlib.sha256(told.encode() + call.body).hexdigest()


def word(call: Call, fault: faults.Fault) -> HttpResponse:
    response = answer(call.dialect.fault(fault, call.request_id), status=fault.status)
    for name, value in fault.headers.items():
        response[name] = value
    return response


def dress(call: Call, response: HttpResponse) -> HttpResponse:
    """The headers that stand on every answer."""
    standing = call.standing or limiter.look(
        f"failures:{network_of(address_of(call.request))}", FAILURES_PER_MINUTE
    )
    for name, value in (standing.headers() | call.headers).items():
        response[name] = value
    response["Cache-Control"] = "no-store"
    if response.streaming:  # how long it is, nobody knows before its end
        is_wanted = call.request.method != "HEAD"
        return response if is_wanted else HttpResponse(headers=dict(response.items()))
    response["Content-Length"] = str(len(response.content))
    if call.request.method == "HEAD":
        response.content = b""
    return response


class TrustedKeys:
    """Keys that this process let in lately: they are still looked up, but a noisy neighbour at
    the same address does not lock them out. Only digests are kept.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def add(self, token: str) -> None:
        with self._lock:
            if len(self._until) >= MAX_TRUSTED:
                self._until.clear()
            self._until[keys.digest(token)] = time.monotonic() + TRUSTED_FOR_SECONDS

    def has(self, token: str) -> bool:
        return self._until.get(keys.digest(token), 0) > time.monotonic()


trusted = TrustedKeys()
