"""The provider's addresses, and what a test tells it and asks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.idp.oidc.models import Client
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

ASKED: list[str] = []


def remember(get_response: Callable[[HttpRequest], HttpResponse]) -> object:
    def remembered(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/test/"):
            ASKED.append(request.path)
        return get_response(request)

    return remembered


def asked(_request: HttpRequest) -> HttpResponse:
    return JsonResponse({"asked": ASKED})


@csrf_exempt
def begin(request: HttpRequest) -> HttpResponse:
    """Know nobody, and one client."""
    told = json.loads(request.body)
    get_user_model().objects.all().delete()
    Client.objects.all().delete()
    client = Client(id=told["client"], name="Hydra")
    client.set_secret(told["secret"])
    client.set_scopes(["openid", "profile", "email"])
    client.set_redirect_uris(told["redirect_uris"])
    client.save()
    ASKED.clear()
    return HttpResponse()


@csrf_exempt
def know(request: HttpRequest) -> HttpResponse:
    """Know this person, as they are from now on."""
    told = json.loads(request.body)
    people: Any = get_user_model().objects  # this project's, not Hydra's
    user, _ = people.get_or_create(username=told["sub"])
    user.first_name, user.email = told["name"], told["email"]
    user.set_password(told["password"])
    user.save()
    EmailAddress.objects.filter(user=user).delete()
    if told["email"]:
        EmailAddress.objects.create(
            user=user, email=told["email"], primary=True, verified=told["email_verified"]
        )
    return HttpResponse()


urlpatterns = [
    path("test/asked", asked),
    path("test/begin", begin),
    path("test/know", know),
    path("account/", include("allauth.account.urls")),
    path("", include("allauth.idp.urls")),
]
