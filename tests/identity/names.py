"""What the provider calls people: by their user name, so that a test can say who somebody is."""

from __future__ import annotations

from typing import Any

from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from django.contrib.auth import get_user_model


class Adapter(DefaultOIDCAdapter):  # type: ignore[misc]  # allauth has no types
    def get_user_sub(self, _client: Any, user: Any) -> str:
        return str(user.username)

    def get_user_by_sub(self, _client: Any, sub: str) -> Any:
        people: Any = get_user_model().objects  # this project's, not Hydra's
        return people.filter(username=sub).first()
