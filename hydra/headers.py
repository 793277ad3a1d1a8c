"""The headers that tell a browser what an answer may not be used for: on every answer there is.

Pages have a policy of their own (settings), which allows their scripts and styles; everything else
allows nothing. What has no way through Django's middleware says them through `hydra.raw_http`.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), usb=()"
    ),
}
POLICY = "Content-Security-Policy"
TRANSPORT = "Strict-Transport-Security"


OF_NO_PAGE = {**ALWAYS, POLICY: NOTHING}


def of_no_page() -> dict[str, str]:
    """What stands on an answer that is no page."""
    return OF_NO_PAGE | transport()


def transport() -> dict[str, str]:
    """That browsers shall come by HTTPS alone, where the installation has it."""
    seconds = settings.SECURE_HSTS_SECONDS
    return {TRANSPORT: f"max-age={seconds}"} if seconds else {}


class HeadersMiddleware:
    """Outermost of all, so that no answer passes it by."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in (of_no_page() if request.is_secure() else OF_NO_PAGE).items():
            response.headers.setdefault(name, value)
        return response
