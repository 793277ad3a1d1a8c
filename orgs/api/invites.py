"""`/api/v1/invites`: the codes by which others may join."""

from __future__ import annotations

from typing import TypedDict

from django.http import HttpRequest, HttpResponse

from hydra.api.answers import Moment, moment, moment_or_none
from hydra.api.fields import Choice, Taken
from hydra.api.schema import DELETED, PAGED, Operation, data, described, page
from hydra.errors import NotFound
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from orgs.models import InviteCode, Role, User
from orgs.services import invites


class InviteShown(TypedDict):
    """The right to join with a role. `state`: open, used, revoked, expired or void."""

    id: str
    prefix: str
    role: str
    state: str
    created_by: str
    created_at: Moment
    expires_at: Moment
    used_by: str | None
    used_at: Moment | None


class InviteCreatedShown(InviteShown):
    """A new invite and its code, which is shown this once."""

    code: str


class InviteTaken(Taken):
    role = Choice(choices=Role.choices, default=Role.USER)


def show_invite(invite: InviteCode) -> InviteShown:
    return InviteShown(
        id=invite.uid,
        prefix=invite.shown_prefix,
        role=invite.role,
        state=invite.state,
        created_by=invite.created_by.email,
        created_at=moment(invite.created_at),
        expires_at=moment(invite.expires_at),
        used_by=invite.used_by.email if invite.used_by else None,
        used_at=moment_or_none(invite.used_at),
    )


class InviteViewSet(OrgViewSet):
    @described(
        Operation(
            name="listInvites",
            summary="List invite codes, newest first",
            tag="Organizations",
            shows=page(InviteShown),
            permission=permission(Right.INVITE_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest) -> HttpResponse:
        rows = InviteCode.objects.in_org(self.org).with_state().with_names()
        return self.show_page(self.granted(rows, Right.INVITE_READ), show_invite)

    @described(
        Operation(
            name="createInvite",
            summary="Create an invite code, shown once",
            tag="Organizations",
            shows=data(InviteCreatedShown),
            status=201,
            takes=InviteTaken,
            permission=permission(Right.INVITE_WRITE),
            example={"role": "ORG_USER"},
        )
    )
    def create(self, _request: HttpRequest) -> HttpResponse:
        self.require(Right.INVITE_WRITE)
        invite, code = invites.create_invite(
            self.org,
            role=Role(self.take(InviteTaken)["role"]),
            by=self.actor,
            creator=User.objects.filter(pk=self.access.user_pk).get(),
            creator_role=self.access.role,
        )
        shown = show_invite(self.invite(invite.uid, needs=Right.INVITE_WRITE))
        return self.show({**shown, "code": code}, status=201)

    @described(
        Operation(
            name="getInvite",
            summary="Get an invite code",
            tag="Organizations",
            shows=data(InviteShown),
            permission=permission(Right.INVITE_READ),
        )
    )
    def retrieve(self, _request: HttpRequest, uid: str) -> HttpResponse:
        return self.show(show_invite(self.invite(uid, needs=Right.INVITE_READ)))

    @described(
        Operation(
            name="revokeInvite",
            summary="Revoke an invite code that nobody has used",
            tag="Organizations",
            shows=DELETED,
            permission=permission(Right.INVITE_WRITE),
            also=(409,),
        )
    )
    def destroy(self, _request: HttpRequest, uid: str) -> HttpResponse:
        invites.revoke_invite(self.invite(uid, needs=Right.INVITE_WRITE), by=self.actor)
        return self.deleted()

    def invite(self, uid: str, *, needs: Right) -> InviteCode:
        rows = InviteCode.objects.in_org(self.org).with_state().with_names()
        invite = rows.filter(uid=uid).first()
        if invite is None:
            raise NotFound(f"There is no invite code {uid}.")
        self.require(needs, invite.uid)
        return invite
