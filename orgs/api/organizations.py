"""`/api/v1/orgs`: the organization that the key belongs to. Another one does not exist for it."""

from __future__ import annotations

from typing import TypedDict

from django.http import HttpRequest, HttpResponse

from hydra.api.answers import Moment, moment
from hydra.api.dialects import Pagination
from hydra.api.paging import OLDEST_FIRST, limit_of, not_ours
from hydra.api.schema import PAGED, Operation, data, described, page
from hydra.errors import Invalid, NotFound
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from orgs.models import Membership


class CountShown(TypedDict):
    members: int
    projects: int


class OrganizationListedShown(TypedDict):
    """An organization, and the role that the key's creator has in it."""

    id: str
    name: str
    slug: str
    role: str


class OrganizationShown(TypedDict):
    """An organization and how much there is of it."""

    id: str
    name: str
    slug: str
    description: str
    plan: str
    created_at: Moment
    _count: CountShown


class PersonShown(TypedDict):
    id: str
    email: str
    name: str


class MemberShown(TypedDict):
    """A person in the organization, with one of the four roles."""

    id: str
    role: str
    user: PersonShown
    created_at: Moment


def show_member(membership: Membership) -> MemberShown:
    user = membership.user
    return MemberShown(
        id=membership.uid,
        role=membership.role,
        user=PersonShown(id=user.uid, email=user.email, name=user.name),
        created_at=moment(membership.created_at),
    )


class OrganizationViewSet(OrgViewSet):
    @described(
        Operation(
            name="listOrganizations",
            summary="List the organizations that the key belongs to",
            tag="Organizations",
            shows=page(OrganizationListedShown),
            permission=permission(Right.ORGANIZATION_READ),
            query=PAGED,
        )
    )
    def list(self, request: HttpRequest) -> HttpResponse:
        self.require(Right.ORGANIZATION_READ)
        if request.GET.get("cursor"):
            raise Invalid.at("cursor", "This cursor is not of this list.", "Leave it out.")
        shown = OrganizationListedShown(
            id=self.org.uid, name=self.org.name, slug=self.org.slug, role=self.access.role
        )
        if "cursor" in request.GET:
            raise not_ours()  # a list of one never gives one out
        return self.show_list([shown], Pagination(None, limit_of(request.GET)))

    @described(
        Operation(
            name="getOrganization",
            summary="Get an organization",
            tag="Organizations",
            shows=data(OrganizationShown),
            permission=permission(Right.ORGANIZATION_READ),
        )
    )
    def retrieve(self, _request: HttpRequest, slug: str) -> HttpResponse:
        self.require_own(slug)
        self.require(Right.ORGANIZATION_READ)
        org = self.org
        org.refresh_from_db()  # the gate loads only what it needs
        return self.show(
            OrganizationShown(
                id=org.uid,
                name=org.name,
                slug=org.slug,
                description=org.description,
                plan=org.plan,
                created_at=moment(org.created_at),
                _count=CountShown(members=org.memberships.count(), projects=org.projects.count()),
            )
        )

    @described(
        Operation(
            name="listMembers",
            summary="List the members of an organization",
            tag="Organizations",
            shows=page(MemberShown),
            permission=permission(Right.MEMBER_READ),
            query=PAGED,
        )
    )
    def members(self, _request: HttpRequest, slug: str) -> HttpResponse:
        self.require_own(slug)
        self.require(Right.MEMBER_READ)
        rows = Membership.objects.in_org(self.org).with_names()
        return self.show_page(rows, show_member, order=OLDEST_FIRST)

    def require_own(self, slug: str) -> None:
        if slug not in (self.org.slug, self.org.uid):
            raise NotFound(f"There is no organization {slug}.")
