"""Settings, Audit log."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from hydra.htmx import render_page
from orgs.access import OrgRequest, Right, member
from orgs.forms.audit import AuditForm
from orgs.models import AuditSeal, Event, EventFilter
from orgs.services import audits, subjects
from orgs.services.exports import FORMATS

PER_PAGE = 50
AT_ONCE_SECONDS = 3.0  # what takes longer, the worker goes on with
LONGEST_KEY = 19
MOST_READ = 50_000  # events that one page looks through for what no index finds


@require_GET
@member(Right.AUDIT_READ)
def event_list(request: OrgRequest) -> HttpResponse:
    """Newest first, by key and not by offset: page 1,000 costs what page 1 costs."""
    form = form_of(request)
    return show(request, form, status=200 if form.is_valid() else 422)


def form_of(request: OrgRequest) -> AuditForm:
    return AuditForm(request.GET, zone=request.org.time_zone)


def show(request: OrgRequest, form: AuditForm, *, status: int) -> HttpResponse:
    wanted = form.wanted()
    rows = Event.objects.in_org(request.org)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < LONGEST_KEY:
        rows = rows.filter(pk__lt=int(before))
    end = rows.around(wanted).stretch(MOST_READ) if wanted.reads_rows else None
    if end is not None:
        rows = rows.filter(pk__gt=end.pk)
    found = list(rows.narrowed(wanted).defer("data").order_by("-pk")[: PER_PAGE + 1])
    is_more = len(found) > PER_PAGE
    filters = request.GET.copy()
    filters.pop("before", None)
    context = {
        "events": found[:PER_PAGE],
        "next_before": found[PER_PAGE - 1].pk if is_more else end and end.pk + 1,
        "searched_to": None if is_more or end is None else end.created_at,
        "form": form,
        "filters": filters.urlencode(),
        "is_filtered": wanted != EventFilter(),
        "seal": AuditSeal.objects.filter(org=request.org).first(),
    }
    return render_page(request, "orgs/audit.html", context, status=status)


@require_GET
@member(Right.AUDIT_READ)
def event_detail(request: OrgRequest, uid: str) -> HttpResponse:
    event = get_object_or_404(Event.objects.in_org(request.org), uid=uid)
    context = {
        "event": event,
        "changes": changes_of(event.data),
        "raw": json.dumps(event.data, indent=2, ensure_ascii=False, sort_keys=True),
        "address": subjects.address_of(request.org, kind=event.subject_kind, uid=event.subject_uid),
    }
    return render_page(request, "orgs/audit_event.html", context, partial="dialog")


def changes_of(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What was changed: each field before and after, as text."""
    before, after = told.get("before"), told.get("after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    names = dict.fromkeys([*before, *after])
    return [(name, spelled(before.get(name)), spelled(after.get(name))) for name in names]


def spelled(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


@require_GET
@member(Right.AUDIT_READ)
def event_export(request: OrgRequest, form: str) -> HttpResponseBase:
    """All events that the filters leave, as a file. A filter with a mistake exports nothing."""
    if form not in FORMATS:
        raise Http404
    wanted = form_of(request)
    if not wanted.is_valid():
        return show(request, wanted, status=422)
    content_type, lines = FORMATS[form]
    rows = Event.objects.in_org(request.org).narrowed(wanted.wanted())
    response = StreamingHttpResponse(lines(rows), content_type=content_type)
    return as_file(response, f"{request.org.slug}-audit-{timezone.now():%Y-%m-%d}.{form}")


@require_GET
@member(Right.AUDIT_READ)
def head_export(request: OrgRequest) -> HttpResponseBase:
    """The head of the chain as a file, for `hydra verify-audit --head`."""
    head = audits.head_of(request.org)
    response = JsonResponse(head, json_dumps_params={"indent": 2})
    return as_file(response, f"{request.org.slug}-head-{head['sequence']}.json")


def as_file(response: HttpResponseBase, name: str) -> HttpResponseBase:
    """For the browser to save under this name, and for no cache to keep."""
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@member(Right.AUDIT_READ)
def verify(request: OrgRequest) -> HttpResponse:
    verdict = audits.verify_now(request.org, seconds=AT_ONCE_SECONDS)
    if verdict.fault is not None:
        messages.error(request, str(verdict.fault))
    elif verdict.is_whole:
        messages.success(request, f"Verified up to event {verdict.sequence}.")
    else:
        messages.success(request, "The log is long: the worker goes on verifying it.")
    return redirect("orgs:audit", request.org.slug)
