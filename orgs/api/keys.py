"""`/api/v1/api-keys`: what an organization's programs come in with."""

from __future__ import annotations

from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse
from rest_framework.serializers import DateTimeField, ListField

from hydra.api.answers import Moment, moment, moment_or_none
from hydra.api.fields import Taken, Text, Whole
from hydra.api.schema import PAGED, Operation, Query, data, described, page
from hydra.errors import Invalid, NotFound
from orgs.access import Right, permission
from orgs.api.organizations import PersonShown, show_person
from orgs.gate import OrgViewSet
from orgs.models import ApiKey, User
from orgs.models.keys import Credential, CredentialState
from orgs.models.rights import Powers, usual_permissions
from orgs.services import keys
from orgs.services.credentials import LONGEST_OVERLAP_DAYS, Wish

FILTERS = (
    Query("state", "Only those in this state.", enum=tuple(CredentialState.values)),
    Query("q", "Only those whose name has this in it, or whose last four characters are this."),
    *PAGED,
)


class CredentialShown(TypedDict):
    """A credential without its secret, which nobody has but its holder."""

    id: str
    name: str
    key_prefix: str
    last_four: str
    permissions: list[str]
    state: str
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None
    replaced_by: str | None


class ApiKeyShown(CredentialShown):
    """A credential for programs. It never has more than its maker's role has now."""

    created_by: PersonShown


class ApiKeyCreatedShown(ApiKeyShown):
    """A key, with what to send for the only time."""

    key: str


class CredentialTaken(Taken):
    name = Text(max_length=100, trim_whitespace=True)
    permissions = ListField(child=Text(max_length=120), required=False)
    expires_at = DateTimeField(required=False, allow_null=True, default=None)


class RotationTaken(Taken):
    overlap_days = Whole(min_value=0, max_value=LONGEST_OVERLAP_DAYS, default=7)


def show_credential(credential: Credential) -> CredentialShown:
    return CredentialShown(
        id=credential.uid,
        name=credential.name,
        key_prefix=credential.shown_prefix,
        last_four=credential.last_four,
        permissions=credential.permissions,
        state=credential.state.value,
        created_at=moment(credential.created_at),
        expires_at=moment_or_none(credential.expires_at),
        revoked_at=moment_or_none(credential.revoked_at),
        last_used_at=moment_or_none(credential.last_used_at),
        replaced_by=credential.replaced_by.uid if credential.replaced_by else None,
    )


def show_key(key: ApiKey) -> ApiKeyShown:
    return ApiKeyShown(**show_credential(key), created_by=show_person(key.created_by))


def wish_of(taken: dict[str, Any], powers: Powers) -> Wish:
    chosen = taken.get("permissions", usual_permissions(powers))
    return Wish(taken["name"], tuple(chosen), taken["expires_at"])


def state_asked(request: HttpRequest) -> str:
    """The state that the query wants; Invalid when there is none of that name."""
    state = request.GET.get("state", "")
    if state and state not in CredentialState.values:
        known = ", ".join(CredentialState.values)
        raise Invalid.at("query.state", f"There is no state {state}.", f"One of {known}.")
    return state


class ApiKeyViewSet(OrgViewSet):
    @described(
        Operation(
            name="listApiKeys",
            summary="List API keys",
            tag="API keys",
            shows=page(ApiKeyShown),
            permission=permission(Right.API_KEY_READ),
            query=FILTERS,
        )
    )
    def list(self, request: HttpRequest) -> HttpResponse:
        rows = self.granted(ApiKey.objects.in_org(self.org).with_names(), Right.API_KEY_READ)
        if state := state_asked(request):
            rows = rows.in_state(state)
        if words := request.GET.get("q"):
            rows = rows.search(words)
        return self.show_page(rows, show_key)

    @described(
        Operation(
            name="createApiKey",
            summary="Create an API key, which is shown once",
            tag="API keys",
            shows=data(ApiKeyCreatedShown),
            status=201,
            takes=CredentialTaken,
            permission=permission(Right.API_KEY_WRITE),
            example={"name": "ci", "permissions": ["application.*.create_version"]},
        )
    )
    def create(self, _request: HttpRequest) -> HttpResponse:
        """Nothing that whoever asks does not have themselves."""
        self.require(Right.API_KEY_WRITE)
        key, token = keys.create_key(
            self.org,
            wish=wish_of(self.take(CredentialTaken), self.access.powers),
            powers=self.access.powers,
            by=self.actor,
            creator=self.person(),
        )
        return self.show_made(key, token)

    @described(
        Operation(
            name="getApiKey",
            summary="Get an API key",
            tag="API keys",
            shows=data(ApiKeyShown),
            permission=permission(Right.API_KEY_READ),
        )
    )
    def retrieve(self, _request: HttpRequest, uid: str) -> HttpResponse:
        return self.show(show_key(self.key(uid, needs=Right.API_KEY_READ)))

    @described(
        Operation(
            name="rotateApiKey",
            summary="Put a new key into the place of one, which ends after a while",
            tag="API keys",
            shows=data(ApiKeyCreatedShown),
            status=201,
            takes=RotationTaken,
            permission=permission(Right.API_KEY_WRITE),
            example={"overlap_days": 7},
        )
    )
    def rotate(self, _request: HttpRequest, uid: str) -> HttpResponse:
        old = self.key(uid, needs=Right.API_KEY_WRITE)
        new, token = keys.rotate_key(
            old,
            overlap_days=self.take(RotationTaken)["overlap_days"],
            powers=self.access.powers,
            by=self.actor,
            creator=self.person(),
        )
        return self.show_made(new, token)

    @described(
        Operation(
            name="revokeApiKey",
            summary="Revoke an API key at once and for good",
            tag="API keys",
            shows=data(ApiKeyShown),
            permission=permission(Right.API_KEY_WRITE),
            is_post=True,
        )
    )
    def revoke(self, _request: HttpRequest, uid: str) -> HttpResponse:
        key = self.key(uid, needs=Right.API_KEY_WRITE)
        return self.show(show_key(keys.revoke_key(key, by=self.actor)))

    def key(self, uid: str, *, needs: Right) -> ApiKey:
        key = ApiKey.objects.in_org(self.org).with_names().filter(uid=uid).first()
        if key is None:
            raise NotFound(f"There is no API key {uid}.")
        self.require(needs, key.uid)
        return key

    def person(self) -> User:
        """Who answers for a key that is made: without a role here nobody comes this far."""
        return self.org.memberships.select_related("user").get(user=self.access.user_pk).user

    def show_made(self, key: ApiKey, token: str) -> HttpResponse:
        return self.show(ApiKeyCreatedShown(**show_key(key), key=token), status=201)
