"""The gate of the API: wiring, on top of everything, and named in the settings' middleware.

A request below a face leaves Django's usual path here: no session, no cookie, no page's middleware.
In this order: the key, the limit of its minute, the route, the repeat, the view; and whatever
happens is answered in the face's dialect with the same headers.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.urls import Resolver404, ResolverMatch, resolve
from django.views import defaults
from rest_framework.exceptions import APIException

from billing import plans
from hydra import keys
from hydra.api import faults
from hydra.api.answers import answer
from hydra.api.calls import Call
from hydra.api.dialects import dialect_of
from hydra.api.limits import limiter, network_of
from hydra.errors import Invalid, Refused, Unavailable
from hydra.requests import request_id_of
from orgs import auth
from orgs.access import Access, address_of
from orgs.services import idempotency

REFUSALS = (Refused, Http404, APIException, SuspiciousOperation, UnreadablePostError)

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
    """Django's handler of bugs: below a face its dialect, elsewhere a page."""
    call: Call | None = getattr(request, "call", None)
    if call is None:
        return defaults.server_error(request)
    return dress(call, word(call, faults.INTERNAL))


def enter(call: Call) -> HttpResponse:
    request = call.request
    request.get_host()  # a host that is not ours is refused before anything is believed
    token = token_of(call)
    access = admit(call, token)
    request.access = access  # type: ignore[attr-defined]  # ours, on Django's class
    call.standing = limiter.use(access.actor.uid, plans.requests_per_minute(access.org))
    if call.standing.is_over:
        raise faults.RateLimited(
            f"More than {call.standing.limit} requests in this minute.",
            retry_after_seconds=call.standing.seconds_left,
        )
    if call.dialect.takes_key_anywhere and call.sent.get("key", token) != token:
        raise auth.KeyRefused
    access.org.require_active()
    match = route(request)
    key = request.headers.get("Idempotency-Key")
    if request.method == "POST" and key is not None:
        return answer_once(call, match, access=access, key=key)
    return run(call, match)


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


def admit(call: Call, token: str) -> Access:
    """Whom the key belongs to. An address that keeps failing is not looked up for a while."""
    address = address_of(call.request)
    name = f"failures:{network_of(address)}"
    call.standing = limiter.look(name, FAILURES_PER_MINUTE)
    if call.standing.is_over and not trusted.has(token):
        raise too_many_failures(call)
    try:
        access = auth.authenticate_key(token, request_id=call.request_id, address=address)
    except auth.KeyRefused:
        call.standing = limiter.use(name, FAILURES_PER_MINUTE)
        if call.standing.is_over:
            raise too_many_failures(call) from None
        raise
    trusted.add(token)
    return access


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
    """The view's answer. What it refuses is an answer too, and is kept like one."""
    try:
        response: HttpResponse = match.func(call.request, *match.args, **match.kwargs)
    except Unavailable:
        raise  # to be tried again, so not to be kept
    except REFUSALS as error:
        return word(call, faults.fault_of(error))
    return response


def answer_once(call: Call, match: ResolverMatch, *, access: Access, key: str) -> HttpResponse:
    """Do the request, unless it was done before: then answer what was answered then."""
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Invalid.at("Idempotency-Key", "An Idempotency-Key has 1 to 255 ASCII characters.")
    claim = idempotency.claim(access.org, key=key, fingerprint=fingerprint(call, access))
    if isinstance(claim, idempotency.Answer):
        replayed = HttpResponse(claim.body, status=claim.status, content_type="application/json")
        replayed["Idempotent-Replayed"] = "true"
        return replayed
    with idempotency.held(claim), transaction.atomic():
        response = run(call, match)
        idempotency.finish(claim, status=response.status_code, body=response.content)
    return response


def fingerprint(call: Call, access: Access) -> str:
    """What makes two requests the same: who asks, for what, with which body.

    Who asks belongs to it, so that no key is shown the answer that another one got.
    """
    query = sorted((name, values) for name, values in call.request.GET.lists() if name != "key")
    told = f"{access.actor.uid}|{call.request.method}|{call.request.path}|{query}|"
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
