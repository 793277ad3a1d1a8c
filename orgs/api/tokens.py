"""`/api/v1/tokens`: a person's own credentials, for their personal tokens alone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from hydra.api.schema import Operation, data, described, page
from hydra.errors import NotFound
from orgs.access import permission
from orgs.api.keys import (
    FILTERS,
    CredentialShown,
    CredentialTaken,
    RotationTaken,
    show_credential,
    state_asked,
    wish_of,
)
from orgs.gate import PersonalViewSet
from orgs.models import PersonalToken
from orgs.models.rights import PersonalRight, Powers
from orgs.services import tokens


class PersonalTokenShown(CredentialShown):
    """It acts as its person, in each organization with the role they have there now."""


class PersonalTokenCreatedShown(PersonalTokenShown):
    """A token, with what to send for the only time."""

    token: str


def show_token(token: PersonalToken) -> PersonalTokenShown:
    return PersonalTokenShown(**show_credential(token))


class PersonalTokenViewSet(PersonalViewSet):
    @described(
        Operation(
            name="listTokens",
            summary="List your personal tokens",
            tag="Personal tokens",
            shows=page(PersonalTokenShown),
            permission=permission(PersonalRight.TOKEN_READ),
            query=FILTERS,
        )
    )
    def list(self, request: HttpRequest) -> HttpResponse:
        self.bearer.require(PersonalRight.TOKEN_READ)
        rows = PersonalToken.objects.of(self.bearer.user_pk).with_names()
        if state := state_asked(request):
            rows = rows.in_state(state)
        if words := request.GET.get("q"):
            rows = rows.search(words)
        return self.show_page(rows, show_token)

    @described(
        Operation(
            name="createToken",
            summary="Create a personal token, which is shown once",
            tag="Personal tokens",
            shows=data(PersonalTokenCreatedShown),
            status=201,
            takes=CredentialTaken,
            permission=permission(PersonalRight.TOKEN_WRITE),
            example={"name": "laptop", "permissions": ["project.*.read"]},
        )
    )
    def create(self, _request: HttpRequest) -> HttpResponse:
        """Nothing that the token which asks does not have itself."""
        self.bearer.require(PersonalRight.TOKEN_WRITE)
        powers = self.powers()
        wish = wish_of(self.take(CredentialTaken), powers)
        made, token = tokens.create_token(
            self.bearer.person(), wish=wish, powers=powers, by=self.actor
        )
        return self.show_made(made, token)

    @described(
        Operation(
            name="getToken",
            summary="Get a personal token",
            tag="Personal tokens",
            shows=data(PersonalTokenShown),
            permission=permission(PersonalRight.TOKEN_READ),
        )
    )
    def retrieve(self, _request: HttpRequest, uid: str) -> HttpResponse:
        return self.show(show_token(self.token(uid, needs=PersonalRight.TOKEN_READ)))

    @described(
        Operation(
            name="rotateToken",
            summary="Put a new token into the place of one, which ends after a while",
            tag="Personal tokens",
            shows=data(PersonalTokenCreatedShown),
            status=201,
            takes=RotationTaken,
            permission=permission(PersonalRight.TOKEN_WRITE),
            example={"overlap_days": 7},
        )
    )
    def rotate(self, _request: HttpRequest, uid: str) -> HttpResponse:
        old = self.token(uid, needs=PersonalRight.TOKEN_WRITE)
        days = self.take(RotationTaken)["overlap_days"]
        new, token = tokens.rotate_token(
            old, overlap_days=days, powers=self.powers(), by=self.actor
        )
        return self.show_made(new, token)

    @described(
        Operation(
            name="revokeToken",
            summary="Revoke a personal token at once and for good",
            tag="Personal tokens",
            shows=data(PersonalTokenShown),
            permission=permission(PersonalRight.TOKEN_WRITE),
            is_post=True,
        )
    )
    def revoke(self, _request: HttpRequest, uid: str) -> HttpResponse:
        token = self.token(uid, needs=PersonalRight.TOKEN_WRITE)
        return self.show(show_token(tokens.revoke_token(token, by=self.actor)))

    def token(self, uid: str, *, needs: PersonalRight) -> PersonalToken:
        self.bearer.require(needs)
        mine = PersonalToken.objects.of(self.bearer.user_pk).with_names()
        token = mine.filter(uid=uid).first()
        if token is None:
            raise NotFound(f"There is no personal token {uid}.")
        return token

    def powers(self) -> Powers:
        return tokens.powers_of(self.bearer.person(), self.bearer.permissions)

    def show_made(self, made: PersonalToken, token: str) -> HttpResponse:
        return self.show(PersonalTokenCreatedShown(**show_token(made), token=token), status=201)
