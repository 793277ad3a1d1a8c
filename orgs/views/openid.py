"""What an OpenID Connect provider says, and when it is believed.

django-allauth takes an identity that came over a connection of its own unread. Here it has to be
signed by the provider that was configured, for this client and for this very sign-in; and whoever
is described by the other answer has to be the same person.
"""

from __future__ import annotations

import secrets
from typing import Any

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse

PROVIDER = "sign-on"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"]  # signed with the client's own secret
CLOCKS_DIFFER_SECONDS = 60
NEEDED = ["iss", "sub", "aud", "exp", "iat"]


class Desk(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """Where the provider is asked."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, PROVIDER)

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        claims = self.identity(app, str(kwargs["response"].get("id_token") or ""))
        person = self.ask(self.profile_url, token=token.token)
        if person.get("sub") != claims["sub"]:
            raise OAuth2Error("The provider describes somebody else")
        vouched = person.get("email_verified")
        person["email_verified"] = vouched is True or vouched == "true"
        told = {"userinfo": person, "id_token": claims}
        return self.get_provider().sociallogin_from_response(request, told)

    def identity(self, app: Any, id_token: str) -> dict[str, Any]:
        """Who it is, if the provider itself says so, just now and to us."""
        issuer = str(self.openid_config.get("issuer"))
        if issuer.rstrip("/") != settings.HYDRA_OIDC_ISSUER:
            raise OAuth2Error("The provider says that it is another one")
        try:
            key, algorithms = self.key_of(app, id_token)
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key,
                algorithms=algorithms,
                audience=app.client_id,
                issuer=issuer,
                leeway=CLOCKS_DIFFER_SECONDS,
                options={"require": NEEDED},
            )
        except jwt.PyJWTError as error:
            raise OAuth2Error("The identity is not what the provider would say") from error
        return claims

    def key_of(self, app: Any, id_token: str) -> tuple[Any, list[str]]:
        """The provider's key that signed it, and what it may have been signed with."""
        header = jwt.get_unverified_header(id_token)
        if header.get("alg") in SECRET_ALGORITHMS:
            return app.secret, SECRET_ALGORITHMS
        keys = jwt.PyJWKSet.from_dict(self.ask(self.openid_config["jwks_uri"])).keys
        named = [key for key in keys if key.key_id == header.get("kid")]
        found = named or (keys if "kid" not in header else [])
        if len(found) != 1:
            raise OAuth2Error("The provider has no such key")
        return found[0], ALGORITHMS

    def ask(self, address: str, *, token: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with get_adapter().get_requests_session() as session:
            answer = session.get(address, headers=headers)
            answer.raise_for_status()
        said = answer.json()
        if not isinstance(said, dict):
            raise OAuth2Error("The provider's answer is no object")
        return said


def address_there(request: HttpRequest) -> HttpResponse:
    """A redirect to the provider, with a word of ours that has to come back in the identity."""
    provider = Desk(request).get_provider()
    asked = provider.get_redirect_from_request_kwargs(request)
    word = secrets.token_urlsafe(24)
    asked |= {"nonce": word, "auth_params": provider.get_auth_params() | {"nonce": word}}
    asked["scope"] = provider.get_scope()
    response: HttpResponse = provider.redirect(request, **asked)
    return response


def come_back(request: HttpRequest) -> HttpResponse:
    response: HttpResponse = OAuth2CallbackView.adapter_view(Desk(request))(request)
    return response


def is_answer(sociallogin: Any) -> bool:
    """Whether the identity was made for the sign-in that this browser began."""
    word = sociallogin.state.get("nonce")
    said = sociallogin.account.extra_data.get("id_token", {})
    return bool(word) and secrets.compare_digest(str(said.get("nonce")).encode(), word.encode())
