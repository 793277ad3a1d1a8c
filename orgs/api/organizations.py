"""`/api/v1/orgs`: the organizations that the caller belongs to. Another one does not exist here."""

from __future__ import annotations

from typing import TypedDict

from django.http import HttpRequest, HttpResponse

from hydra.api.answers import Moment, moment
from hydra.api.paging import OLDEST_FIRST
from hydra.api.schema import PAGED, Operation, data, described, page
from hydra.errors import NotFound
from orgs.access import Access, Right, permission
from orgs.auth import Bearer
from orgs.gate import FaceViewSet, OrgViewSet
from orgs.models import Membership


class CountShown(TypedDict):
    members: int
    projects: int


class OrganizationListedShown(TypedDict):
    """An organization, and the role that the caller has in it: a key has its creator's."""

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


def show_listed(membership: Membership) -> OrganizationListedShown:
    org = membership.org
    return OrganizationListedShown(id=org.uid, name=org.name, slug=org.slug, role=membership.role)


class OrganizationListViewSet(FaceViewSet):
    """Where the caller belongs: a key to one organization, a personal token to all its person's."""

    is_personal = True

    def admit(self, request: HttpRequest) -> None:
        self.bearer: Bearer = request.bearer  # type: ignore[attr-defined]  # the gate's

    @described(
        Operation(
            name="listOrganizations",
            summary="List the organizations that the key or token belongs to",
            tag="Organizations",
            shows=page(OrganizationListedShown),
            permission=permission(Right.ORGANIZATION_READ),
            query=PAGED,
        )
    )
    def list(self, _request: HttpRequest) -> HttpResponse:
        self.bearer.require(Right.ORGANIZATION_READ)
        mine = Membership.objects.filter(user=self.bearer.user_pk).select_related("org")
        if isinstance(self.bearer, Access):
            mine = mine.in_org(self.bearer.org)
        return self.show_page(mine, show_listed, order=OLDEST_FIRST)

    @property
    def place(self) -> str:
        return f"{self.bearer.credential}/orgs"


class OrganizationViewSet(OrgViewSet):
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
