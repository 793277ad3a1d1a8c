"""The WSGI application: everything that asks the database and answers at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.http.response import HttpResponseBase

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")

from hydra import headers  # it reads the settings

NO_HOST = b"This request does not say for which host it is.\n"

django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> HttpResponseBase:
    """Django, except for what HTTP/1.1 forbids: without a host Django would take our own name."""
    if environ.get("HTTP_HOST") or environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        return django(environ, start_response)
    refusal = HttpResponse(
        NO_HOST,
        status=400,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Length": str(len(NO_HOST)), **headers.of_no_page()},
    )
    start_response("400 Bad Request", list(refusal.items()))
    return refusal
