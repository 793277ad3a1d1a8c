"""Signing up, in and out, and the account of whoever is signed in."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView, SignupView
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from hydra.errors import Refused
from hydra.htmx import render_page
from orgs.access import (
    LAST_ORG,
    OrgRequest,
    Right,
    access_of,
    actor_of,
    has_two_factor,
    member,
)
from orgs.forms import OrganizationForm, RedeemForm
from orgs.models import Membership, User
from orgs.services import accounts, organizations
from orgs.views.adapters import EmailTaken

NO_MAIL = "The mail could not be sent. Try again in a few minutes."


class SignUp(SignupView):  # type: ignore[misc]  # allauth has no types
    """The sign-up page. A refused code is an error at its field, and nothing stays half done."""

    def get_initial(self) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_initial()
        return initial | {"invite_code": self.request.GET.get("code", "")}

    def form_valid(self, form: Any) -> HttpResponse:
        """Where addresses are proved by mail, one that is taken is answered as any other."""
        try:
            with transaction.atomic():
                if form.account_already_exists:
                    rehearse(self.request, form.cleaned_data)
                response: HttpResponse = super().form_valid(form)
                return response
        except EmailTaken as taken:
            form.add_error("email", taken.message)
        except Refused as refused:
            form.add_error("invite_code", refused.message)
        except OSError:  # the mail server's refusals are of this kind too
            form.add_error(None, NO_MAIL)
        return self.form_invalid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response


def rehearse(request: HttpRequest, typed: dict[str, Any]) -> None:
    user = User(name=accounts.plain_name(typed["name"]))
    organizations.rehearse_welcome(
        user,
        password=typed["password1"],
        code=typed["invite_code"],
        organization=typed["organization"],
        by=actor_of(request, user),
    )


class SignIn(LoginView):  # type: ignore[misc]  # allauth has no types
    """The sign-in page."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"sign_on": settings.HYDRA_OIDC_ISSUER and settings.HYDRA_OIDC_NAME}

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """`/`: on to the organization that was open last, or to the account if there is none."""
    memberships = Membership.objects.of(signed_in(request))
    slugs = list(memberships.values_list("org__slug", flat=True))
    if not slugs:
        return redirect("orgs:account")
    last = request.session.get(LAST_ORG)
    return redirect("orgs:enter", last if last in slugs else slugs[0])


@require_GET
@member(Right.ORGANIZATION_READ)
def enter(request: OrgRequest) -> HttpResponse:
    """On to the first page of an organization that the person may see."""
    if request.access.allows(Right.PROJECT_READ):
        return redirect("deployments:overview", request.org.slug)
    return redirect("orgs:account")


@require_GET
def account(request: HttpRequest) -> HttpResponse:
    return show(request)


@require_GET
def two_factor(request: HttpRequest) -> HttpResponse:
    """Where whoever needs a second factor to enter an organization is led."""
    user = signed_in(request)
    wanting = Membership.objects.of(user).filter(org__requires_two_factor=True)
    context = {"wanting": wanting, "has_two_factor": has_two_factor(user)}
    return render_page(request, "account/two_factor.html", context)


@require_POST
def join(request: HttpRequest) -> HttpResponse:
    """Redeem an invite code as the person who is signed in."""
    user = signed_in(request)
    form = RedeemForm(request.POST)
    if not form.is_valid():
        return show(request, redeem=form, status=422)
    try:
        membership = organizations.join(
            code=form.cleaned_data["code"], user=user, by=actor_of(request, user)
        )
    except Refused as refused:
        form.add_error("code", refused.message)
        return show(request, redeem=form, status=422)
    messages.success(request, f"You are now a member of {membership.org}.")
    return redirect("orgs:enter", membership.org.slug)


@require_POST
def found(request: HttpRequest) -> HttpResponse:
    """Make one more organization, owned by the person who is signed in."""
    user = signed_in(request)
    form = OrganizationForm(request.POST)
    if not form.is_valid():
        return show(request, organization=form, status=422)
    org = organizations.found_organization(
        name=form.cleaned_data["name"], owner=user, by=actor_of(request, user)
    )
    messages.success(request, f"{org} is ready.")
    return redirect("orgs:enter", org.slug)


def show(
    request: HttpRequest,
    *,
    redeem: RedeemForm | None = None,
    organization: OrganizationForm | None = None,
    status: int = 200,
) -> HttpResponse:
    keep_frame(request)
    context = {
        "redeem": redeem or RedeemForm(),
        "organization_form": organization or OrganizationForm(),
    }
    return render_page(request, "orgs/account.html", context, status=status)


def keep_frame(request: Any) -> None:
    """Leave the organization that was open last around the page, if there still is one."""
    slug = request.session.get(LAST_ORG)
    if not slug:
        return
    try:
        request.access = access_of(request, slug)
    except (Http404, Refused):  # no longer a member, or not let in now
        return
    request.org = request.access.org


def signed_in(request: HttpRequest) -> User:
    """The person, who is there because every page wants one unless it says otherwise."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # LoginRequiredMiddleware has seen to it
    return user
