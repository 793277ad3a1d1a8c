"""How tests go to a provider and come back."""

from __future__ import annotations

import re
from copy import deepcopy
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as project
from django.test import Client

from tests.identity.provider import CLIENT, SECRET, Provider
from tests.orgs.oidc_provider import LyingProvider

START = "/account/sign-on/"
ADA: dict[str, Any] = {
    "sub": "ada-1",
    "email": "ada@engine.example",
    "email_verified": True,
    "name": "Ada L.",
}


def configure(settings: Any, issuer: str, *, link: bool = False) -> None:
    settings.HYDRA_OIDC_ISSUER, settings.HYDRA_OIDC_NAME = issuer, "Engine ID"
    providers: dict[str, Any] = deepcopy(project.SOCIALACCOUNT_PROVIDERS)
    providers["openid_connect"]["APPS"][0] |= {
        "name": "Engine ID",
        "client_id": CLIENT,
        "secret": SECRET,
        "settings": {"server_url": issuer, "email_authentication": link},
    }
    settings.SOCIALACCOUNT_PROVIDERS = providers


def sign_on(client: Client, provider: Provider | LyingProvider, **typed: str) -> Any:
    """There and back: what Hydra answers to whom the provider sends."""
    page = client.post(START, typed).content.decode()
    found = re.search(r'content="0; url=([^"]+)"', page)
    assert found, page
    back = urlsplit(provider.authorize(unescape(found[1])))
    assert back.path == "/account/sign-on/callback/"
    return client.get(f"{back.path}?{back.query}")


def said(client: Client) -> str:
    """What the next page says to whoever was turned away."""
    return unescape(client.get("/account/login/").content.decode())
