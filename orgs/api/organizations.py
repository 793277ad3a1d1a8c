"""`/api/v1/orgs`: the organizations that the caller belongs to. Another one does not exist here."""

from __future__ import annotations

from typing import TypedDict

from django.core.validators import EmailValidator, URLValidator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from hydra.api.answers import Moment, moment
from hydra.api.fields import Choice, Flag, Taken, Text
from hydra.api.paging import OLDEST_FIRST
from hydra.api.schema import DELETED, PAGED, Operation, data, described, page
from hydra.errors import NotFound
from orgs.access import Access, Right, permission
from orgs.auth import Bearer
from orgs.gate import FaceViewSet, OrgViewSet
from orgs.models import Membership, Organization, Role, User
from orgs.services import deletion, memberships, organizations


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
    """An organization and how much there is of it.

    Billing address and e-mail are null for whoever may not read billing.
    """

    id: str
    name: str
    slug: str
    description: str
    website: str
    billing_address: str | None
    billing_email: str | None
    time_zone: str
    managers_may_edit: bool
    requires_two_factor: bool
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


class OrganizationChanged(Taken):
    name = Text(max_length=100, trim_whitespace=True, required=False)
    description = Text(max_length=2000, required=False, allow_blank=True)
    website = Text(
        max_length=200,
        required=False,
        allow_blank=True,
        validators=[URLValidator(schemes=["http", "https"])],
    )
    billing_address = Text(max_length=1000, required=False, allow_blank=True)
    billing_email = Text(
        max_length=254, required=False, allow_blank=True, validators=[EmailValidator()]
    )
    time_zone = Text(max_length=60, required=False, help_text="An IANA name.")
    managers_may_edit = Flag(required=False, help_text="Changed by owners alone.")
    requires_two_factor = Flag(required=False, help_text="Changed by owners alone.")


class MemberChanged(Taken):
    role = Choice(choices=Role.choices)


def show_person(user: User) -> PersonShown:
    return PersonShown(id=user.uid, email=user.email, name=user.name)


def show_member(membership: Membership) -> MemberShown:
    return MemberShown(
        id=membership.uid,
        role=membership.role,
        user=show_person(membership.user),
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
        self.org.refresh_from_db()  # the gate loads only what it needs
        return self.show(self.shown(self.org))

    @described(
        Operation(
            name="updateOrganization",
            summary="Change an organization's settings",
            tag="Organizations",
            shows=data(OrganizationShown),
            takes=OrganizationChanged,
            permission=permission(Right.ORGANIZATION_UPDATE),
            example={"time_zone": "Europe/Berlin"},
        )
    )
    def partial_update(self, _request: HttpRequest, slug: str) -> HttpResponse:
        self.require_own(slug)
        self.require(Right.ORGANIZATION_UPDATE)
        org = organizations.update_organization(
            self.org,
            changes=organizations.OrganizationChanges(**self.take(OrganizationChanged)),  # type: ignore[typeddict-item]  # the serializer has exactly these fields
            by=self.actor,
            user_pk=self.access.user_pk,
        )
        return self.show(self.shown(org))

    @described(
        Operation(
            name="deleteOrganization",
            summary="Delete an organization with everything in it",
            tag="Organizations",
            shows=DELETED,
            permission=permission(Right.ORGANIZATION_DELETE),
            also=(409,),
        )
    )
    def destroy(self, _request: HttpRequest, slug: str) -> HttpResponse:
        self.require_own(slug)
        self.require(Right.ORGANIZATION_DELETE)
        deletion.delete_organization(
            self.org, typed=self.org.name, by=self.actor, user_pk=self.access.user_pk
        )
        return self.deleted()

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

    @described(
        Operation(
            name="changeMemberRole",
            summary="Change the role of a member",
            tag="Organizations",
            shows=data(MemberShown),
            takes=MemberChanged,
            permission=permission(Right.MEMBER_WRITE),
            example={"role": "ORG_MANAGER"},
        )
    )
    def change_role(self, _request: HttpRequest, slug: str, uid: str) -> HttpResponse:
        membership = self.membership(slug, uid)
        changed = memberships.change_role(
            membership,
            role=Role(self.take(MemberChanged)["role"]),
            by=self.actor,
            user_pk=self.access.user_pk,
        )
        return self.show(show_member(changed))

    @described(
        Operation(
            name="removeMember",
            summary="Remove a member",
            tag="Organizations",
            shows=DELETED,
            permission=permission(Right.MEMBER_WRITE),
            also=(409,),
        )
    )
    def remove_member(self, _request: HttpRequest, slug: str, uid: str) -> HttpResponse:
        memberships.remove_member(
            self.membership(slug, uid), by=self.actor, user_pk=self.access.user_pk
        )
        return self.deleted()

    def membership(self, slug: str, uid: str) -> Membership:
        """The member to change, by the id of the membership or of the person."""
        self.require_own(slug)
        self.require(Right.MEMBER_WRITE)
        rows = Membership.objects.in_org(self.org).with_names()
        found = rows.filter(Q(uid=uid) | Q(user__uid=uid)).first()
        if found is None:
            raise NotFound(f"There is no member {uid}.")
        return found

    def shown(self, org: Organization) -> OrganizationShown:
        sees_bills = self.access.allows(Right.BILLING_READ)
        return OrganizationShown(
            id=org.uid,
            name=org.name,
            slug=org.slug,
            description=org.description,
            website=org.website,
            billing_address=org.billing_address if sees_bills else None,
            billing_email=org.billing_email if sees_bills else None,
            time_zone=org.time_zone,
            managers_may_edit=org.managers_may_edit,
            requires_two_factor=org.requires_two_factor,
            plan=org.plan,
            created_at=moment(org.created_at),
            _count=CountShown(members=org.memberships.count(), projects=org.projects.count()),
        )

    def require_own(self, slug: str) -> None:
        if slug not in (self.org.slug, self.org.uid):
            raise NotFound(f"There is no organization {slug}.")
