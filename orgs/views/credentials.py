"""What the pages of keys and of personal tokens have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from hydra.htmx import paged, render_page
from orgs.forms.keys import CredentialFilterForm, Limits, RotateForm, spelled
from orgs.models import ApiKey, ApiKeyQuerySet, Organization, PersonalToken, PersonalTokenQuerySet
from orgs.services import scopes

RowsT = TypeVar("RowsT", ApiKeyQuerySet, PersonalTokenQuerySet)
MOST_CHOICES = 500


@dataclass(frozen=True)
class Shown:
    """A key or token as its list shows it."""

    row: ApiKey | PersonalToken
    may: list[str]


@dataclass(frozen=True)
class Question:
    """The page that asks before something ends or is replaced."""

    row: ApiKey | PersonalToken
    noun: str
    action: str
    back: str


def narrowed(rows: RowsT, request: HttpRequest) -> tuple[RowsT, CredentialFilterForm]:
    """Of `rows` those that the address asks for."""
    form = CredentialFilterForm(request.GET)
    form.is_valid()
    if state := form.cleaned_data.get("state"):
        rows = rows.in_state(state)
    if words := form.cleaned_data.get("q"):
        rows = rows.search(words)
    return rows, form


def shown_page(
    request: HttpRequest, rows: RowsT, *, orgs: Sequence[Organization]
) -> tuple[Page[ApiKey] | Page[PersonalToken], list[Shown]]:
    """The page of the list, and its rows with what each may in words."""
    page = paged(request, rows)
    names = names_in(orgs, (held for row in page for held in row.permissions))
    return page, [Shown(row, spelled(row.permissions, names)) for row in page]


def names_in(orgs: Sequence[Organization], permissions: Iterable[str]) -> dict[str, str]:
    """What the things are called that permissions are limited to."""
    uids = {uid for held in permissions if (uid := held.split(".")[1]) != "*"}
    if not uids:
        return {}
    found = [scopes.named(orgs, resource, uids=uids) for resource in ("project", "application")]
    return {choice.uid: choice.label for choices in found for choice in choices}


def limits_in(orgs: Sequence[Organization]) -> Limits:
    """What a key may be limited to. Where that is very much, the API takes the rest."""
    return Limits(choices(orgs, "project"), choices(orgs, "application"))


def choices(orgs: Sequence[Organization], resource: str) -> list[tuple[str, str]]:
    """The label tells the organization where there are several."""
    found = [
        (choice.uid, choice.label if len(orgs) == 1 else f"{org}: {choice.label}")
        for org in orgs
        for choice in scopes.choices_of(org, resource)
    ]
    return found[:MOST_CHOICES]


def ask_to_rotate(
    request: HttpRequest, asked: Question, rotate: Callable[[int], HttpResponse]
) -> HttpResponse:
    """The form of a rotation, or the answer of `rotate` with the number of days."""
    form = RotateForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return rotate(form.cleaned_data["overlap_days"])
    context = {"asked": asked, "form": form}
    status = 422 if form.is_bound else 200
    return render_page(
        request, "orgs/credential_rotate.html", context, partial="dialog", status=status
    )


def ask_to_revoke(
    request: HttpRequest, asked: Question, revoke: Callable[[], None]
) -> HttpResponse:
    if request.method == "POST":
        revoke()
        return redirect(asked.back)
    return render_page(request, "orgs/credential_revoke.html", {"asked": asked}, partial="dialog")
