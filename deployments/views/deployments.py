"""The list of deployments, and the page of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from deployments import streams
from deployments.forms import DeploymentFilter
from deployments.models import (
    FINISHED,
    WAITING,
    Deployment,
    DeploymentQuerySet,
    Job,
    State,
)
from deployments.services import cancel, logs, queues
from deployments.views import log_text, pace
from hydra.htmx import render_page
from orgs.access import OrgRequest, Right, member
from orgs.models import Event
from projects.forms.fields import ignored
from projects.models import Version

PER_PAGE = 50
FIRST_LOG_BYTES = 64 * 1024  # what stands on the page itself, which stays small by it
# Whose log is shown first: what went wrong, then what happens now.
INTEREST = ("failed", "unknown", "running", "canceled", "offered", "succeeded")


@require_GET
@member(Right.DEPLOYMENT_READ)
def deployment_list(request: OrgRequest) -> HttpResponse:
    """Newest first, by key and not by offset: page 1,000 costs what page 1 costs."""
    form = DeploymentFilter(request.GET, org=request.org)
    form.is_valid()  # what is not is no filter, and told
    everything = Deployment.objects.in_org(request.org).with_names()
    rows = narrowed(everything.select_related("target__head__version"), form.cleaned_data)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-pk")[: PER_PAGE + 1])
    context = {
        "deployments": found[:PER_PAGE],
        "next_before": found[PER_PAGE - 1].pk if len(found) > PER_PAGE else None,
        "form": form,
        "states": State.choices,
        "ignored": ignored(form),
        "is_filtered": any(form.cleaned_data.values()),
    }
    return render_page(request, "deployments/list.html", context, partial="rows")


def narrowed(rows: DeploymentQuerySet, wanted: dict[str, Any]) -> DeploymentQuerySet:
    """The rows that the filters leave. `waiting` and `finished` are groups of states."""
    state = wanted.get("state", "")
    if state == "waiting":
        rows = rows.in_few(WAITING)
    elif state == "finished":
        rows = rows.filter(state__in=FINISHED)
    elif state in State.values:
        rows = rows.filter(state=state)
    for name in ("project", "environment", "application"):
        if wanted.get(name) is not None:
            rows = rows.filter(**{name: wanted[name]})
    if wanted.get("version"):
        rows = rows.filter(version__name=wanted["version"])
    return rows


def find(request: OrgRequest, uid: str) -> Deployment:
    return get_object_or_404(
        Deployment.objects.in_org(request.org)
        .with_names()
        .select_related(
            "target__head__version",
            "target__current__version",
            "previous_version",
            "superseded_by",
            "snapshot",
            "org",
        )
        .defer("snapshot__content_sealed"),
        uid=uid,
    )


@dataclass(frozen=True)
class JobPanel:
    """One agent's share on the page: the job and its steps, begun or not."""

    job: Job
    steps: list[dict[str, Any]]

    @property
    def broken_step(self) -> dict[str, Any] | None:
        return next((s for s in self.steps if s["state"] in ("failed", "unknown")), None)


@require_GET
@member(Right.DEPLOYMENT_READ)
def deployment_detail(request: OrgRequest, uid: str) -> HttpResponse:
    deployment = find(request, uid)
    planned = deployment.snapshot.summary.get("steps", [])
    jobs = list(
        deployment.jobs.select_related("agent").prefetch_related("step_runs").order_by("pk")
    )
    panels = [JobPanel(job, streams.steps_of(job, planned)) for job in jobs]
    chosen = choose(panels, request.GET.get("job", ""))
    context = {
        "deployment": deployment,
        "sentence": queues.waiting_sentence(deployment),
        "still_runs": still_runs(deployment),
        "way_back": way_back(deployment),
        "usual_ms": pace.usual_ms(deployment.target_id),
        "panels": panels,
        "job": chosen.job if chosen else None,
        "broken_step": chosen.broken_step if chosen else None,
        **beginning_of_log(chosen),
        "summary": deployment.snapshot.summary,
        "events": Event.objects.in_org(request.org).about(deployment.uid).order_by("-pk")[:100],
    }
    return render_page(request, "deployments/detail.html", context)


def choose(panels: list[JobPanel], uid: str) -> JobPanel | None:
    """The job that was asked for, else the most interesting one."""
    ranks = {state: rank for rank, state in enumerate(INTEREST)}
    by_interest = sorted(panels, key=lambda panel: ranks.get(panel.job.state, len(INTEREST)))
    return next((p for p in panels if p.job.uid == uid), by_interest[0] if panels else None)


def beginning_of_log(panel: JobPanel | None) -> dict[str, Any]:
    if panel is None:
        return {"sections": [], "log_is_cut": False}
    content = logs.read(panel.job, after=0, limit=FIRST_LOG_BYTES)
    return {
        "sections": list(log_text.sections(content, panel.steps)),
        "log_is_cut": panel.job.log_size > len(content),
    }


def still_runs(deployment: Deployment) -> Version | None:
    """What was not replaced, because this deployment went wrong."""
    current = deployment.target.current
    if deployment.state not in (State.FAILED, State.UNKNOWN) or current is None:
        return None
    return current.version if current.version_id != deployment.version_id else None


def way_back(deployment: Deployment) -> Version | None:
    """The version that one would return to: the one before, or the one that still runs."""
    return deployment.previous_version or still_runs(deployment)


@require_POST
@member(Right.DEPLOYMENT_READ)
def deployment_cancel(request: OrgRequest, uid: str) -> HttpResponse:
    deployment = find(request, uid)
    request.access.require(Right.DEPLOYMENT_UPDATE, deployment.project.uid)
    cancel.cancel(deployment, by=request.access.actor)
    return redirect("deployments:detail", request.org.slug, uid)


@require_GET
@member(Right.DEPLOYMENT_READ)
def log_download(request: OrgRequest, uid: str, job: str) -> HttpResponseBase:
    """The log of one job, byte for byte, as a file."""
    found = find_job(request, uid, job)
    name = f"{found.deployment.uid}-{found.uid}.log"
    response = StreamingHttpResponse(whole_log(found), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_GET
@member(Right.DEPLOYMENT_READ)
def log_part(request: OrgRequest, uid: str, job: str) -> HttpResponse:
    """A range of a job's log from `?after=` on, for pages that scroll back."""
    found = find_job(request, uid, job)
    after = request.GET.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Http404
    content = logs.read(found, after=int(after))
    response = HttpResponse(content, content_type="text/plain; charset=utf-8")
    response["X-Log-Next"] = str(int(after) + len(content))
    response["X-Log-Size"] = str(found.log_size)
    return response


def find_job(request: OrgRequest, uid: str, job: str) -> Job:
    return get_object_or_404(
        Job.objects.in_org(request.org).select_related("deployment"), uid=job, deployment__uid=uid
    )


def whole_log(job: Job) -> Iterator[bytes]:
    yield from logs.pieces(job.pk, after=0)
