"""`/api/v1/projects/:id/deployments` and `/api/v1/deployments/:id`"""

from __future__ import annotations

import codecs
from functools import partial
from http import HTTPStatus
from typing import Any, TypedDict, TypeVar

from django.db.models import F, FilteredRelation, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict

from deployments import streams
from deployments.models import COARSE, JOB_FINISHED, Deployment, DeploymentQuerySet, Job, State
from deployments.services import cancel, logs, pushes
from deployments.shapes import (
    DeploymentDetailShown,
    DeploymentShown,
    show_deployment,
    show_detail,
)
from hydra.api.fields import Taken, Text
from hydra.api.schema import PAGED, Operation, Query, data, described, page
from hydra.errors import Invalid, NotFound
from hydra.requests import HEADER
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from orgs.models import Environment
from projects.access import ProjectRoute, find_application, find_environment
from projects.models import Application, Project

# Deploxa's word for a state that Hydra never is in: a version comes built.
NEVER_SHOWN = ("BUILDING",)
STATUSES = (*dict.fromkeys(COARSE.values()), *NEVER_SHOWN)
MAX_OFFSET = 2**63 - 1
MOST_NAMED = 30  # names that a refusal lists
RowT = TypeVar("RowT", bound=Model)


class DeploymentTaken(Taken):
    """What to deploy, as a version or as a branch, and where.

    `application` and `environment` may be left out where the project has only one, or as they
    were deployed last.
    """

    application = Text(max_length=60, required=False, help_text="Id or code")
    environment = Text(max_length=60, required=False, help_text="Id or slug")
    version = Text(max_length=128, required=False, help_text="Id or name of a version")
    branch = Text(max_length=128, required=False, help_text="Deployed as a version of this name")
    commitSha = Text(max_length=64, required=False, allow_blank=True)  # noqa: N815  # the seed's
    commitMessage = Text(max_length=10_000, required=False, allow_blank=True)  # noqa: N815


class LogShown(TypedDict):
    """A piece of one job's log. Ask again with `after` set to `next_offset`."""

    job: str | None
    after: int
    next_offset: int
    size: int
    is_complete: bool
    text: str


def with_everything(rows: DeploymentQuerySet) -> DeploymentQuerySet:
    """Joined with all that is shown, the URL of the place included."""
    place = FilteredRelation(
        "project__project_environments",
        condition=Q(project__project_environments__environment=F("environment")),
    )
    return (
        rows.with_names()
        .select_related("snapshot")
        .defer("snapshot__content_sealed")
        .annotate(place=place, environment_url=F("place__url"))
    )


class ProjectDeploymentViewSet(ProjectRoute):
    @described(
        Operation(
            name="listDeployments",
            summary="List the deployments of a project, newest first",
            tag="Deployments",
            shows=page(DeploymentShown),
            permission=permission(Right.DEPLOYMENT_READ),
            query=(
                Query("status", f"{', '.join(STATUSES)}, or an exact state."),
                Query("environment", "Id or slug."),
                Query("application", "Id or code."),
                *PAGED,
            ),
        )
    )
    def list(self, request: HttpRequest, uid: str) -> HttpResponse:
        project = self.project(uid, needs=Right.DEPLOYMENT_READ)
        rows = Deployment.objects.in_org(self.org).filter(project=project)
        rows = filtered(rows, request.GET, project=project)
        return self.show_page(with_everything(rows), partial(show_deployment, org=self.org))

    @described(
        Operation(
            name="createDeployment",
            summary="Deploy a version, or a branch",
            tag="Deployments",
            shows=data(DeploymentShown),
            status=201,
            takes=DeploymentTaken,
            permission=permission(Right.DEPLOYMENT_CREATE),
            example={"application": "shop", "environment": "staging", "version": "v1.2.3"},
        )
    )
    def create(self, _request: HttpRequest, uid: str) -> HttpResponse:
        project = self.project(uid, needs=Right.DEPLOYMENT_CREATE)
        taken = self.take(DeploymentTaken)
        named = {name: taken[name] for name in ("application", "environment") if name in taken}
        wish = pushes.complete(
            project,
            application=find_application(self.org, named["application"])
            if "application" in named
            else None,
            environment=find_environment(self.org, named["environment"])
            if "environment" in named
            else None,
        )
        if "version" in taken:
            deployment = pushes.deploy_version(wish, named=taken["version"], by=self.actor)
        else:
            self.require(Right.VERSION_CREATE, wish.application.uid)
            push = pushes.Push(
                branch=taken.get("branch") or pushes.last_branch(wish),
                commit=taken.get("commitSha", ""),
                message=taken.get("commitMessage", ""),
            )
            deployment = pushes.deploy_branch(wish, push=push, by=self.actor)
        shown = with_everything(Deployment.objects.in_org(self.org)).get(pk=deployment.pk)
        return self.show(show_deployment(shown, org=self.org), status=201)


class DeploymentViewSet(OrgViewSet):
    @described(
        Operation(
            name="getDeployment",
            summary="Get a deployment, with its jobs and steps",
            tag="Deployments",
            shows=data(DeploymentDetailShown),
            permission=permission(Right.DEPLOYMENT_READ),
        )
    )
    def retrieve(self, _request: HttpRequest, uid: str) -> HttpResponse:
        deployment = self.deployment(uid, needs=Right.DEPLOYMENT_READ)
        return self.show(show_detail(deployment, org=self.org))

    @described(
        Operation(
            name="cancelDeployment",
            summary="Cancel a deployment",
            tag="Deployments",
            shows=data(DeploymentDetailShown),
            permission=permission(Right.DEPLOYMENT_UPDATE),
            is_post=True,
        )
    )
    def cancel(self, _request: HttpRequest, uid: str) -> HttpResponse:
        deployment = self.deployment(uid, needs=Right.DEPLOYMENT_UPDATE)
        cancel.cancel(deployment, by=self.actor)
        shown = with_everything(Deployment.objects.in_org(self.org)).get(pk=deployment.pk)
        return self.show(show_detail(shown, org=self.org))

    @described(
        Operation(
            name="getLogs",
            summary="Read a deployment's log from a byte on, as JSON or text",
            tag="Deployments",
            shows=data(LogShown),
            redirects="With `follow`: where the log is streamed, good for a minute.",
            permission=permission(Right.DEPLOYMENT_READ),
            query=(
                Query("after", "The byte to begin at; 0 unless given.", int),
                Query("job", "The job whose log to read; the first one unless given."),
                Query("format", "`text` answers the bytes alone.", enum=("json", "text")),
                Query(
                    "follow",
                    "`1` streams the bytes as text until the deployment has ended. The answer may "
                    "be a redirect (307) to where that is done, good for a minute: follow it.",
                    enum=("0", "1"),
                ),
            ),
        )
    )
    def logs(self, request: HttpRequest, uid: str) -> HttpResponse:
        deployment = self.deployment(uid, needs=Right.DEPLOYMENT_READ)
        after = offset_of(request.GET)
        job = find_job(deployment, request.GET.get("job"))
        if wants_to_follow(request.GET):
            return self.follow(deployment, after=after)
        content = logs.read(job, after=after) if job is not None else b""
        if wants_text(request):
            return as_text(content, after=after)
        return self.show(piece_of(job, content, after=after))

    def follow(self, deployment: Deployment, *, after: int) -> HttpResponse:
        """Sent on to what waits, which holds neither a thread nor a connection while it does."""
        said = {HEADER: self.call.request_id}
        if self.call.standing is not None:
            said |= self.call.standing.headers()
        address = streams.address_to_follow(
            self.access,
            deployment,
            job=self.call.request.GET.get("job", ""),
            after=after,
            headers=said,
        )
        response = HttpResponse(
            f"The log is streamed at the address in Location (curl --location).\n{address}\n",
            status=HTTPStatus.TEMPORARY_REDIRECT,
            content_type="text/plain; charset=utf-8",
        )
        response["Location"] = address
        return response

    def deployment(self, uid: str, *, needs: Right) -> Deployment:
        rows = with_everything(Deployment.objects.in_org(self.org))
        deployment = rows.filter(uid=uid).first()
        if deployment is None:
            raise NotFound(f"There is no deployment {uid}.")
        self.require(needs, deployment.project.uid)
        return deployment


def filtered(rows: DeploymentQuerySet, query: QueryDict, *, project: Project) -> DeploymentQuerySet:
    """The rows that the filters leave; a value that is unknown here is 400 and not no rows."""
    if status := query.get("status"):
        rows = rows.filter(state__in=states_of(status))
    if named := query.get("environment"):
        stages = Environment.objects.in_org(project.org)
        stage = stages.filter(Q(uid=named) | Q(slug=named)).first()
        slugs = stages.filter(uses__project=project).values_list("slug", flat=True)
        rows = rows.filter(environment=known(stage, named, of=slugs, at="environment"))
    if named := query.get("application"):
        parts = Application.objects.in_org(project.org)
        part = parts.filter(Q(uid=named) | Q(code=named)).first()
        codes = parts.filter(uses__project=project).values_list("code", flat=True)
        rows = rows.filter(application=known(part, named, of=codes, at="application"))
    return rows


def known(found: RowT | None, named: str, *, of: QuerySet[Any, str], at: str) -> RowT:
    """What a filter names; else Invalid, with what it may name in this project."""
    if found is None:
        words = list(of[: MOST_NAMED + 1])
        more = ", …" if len(words) > MOST_NAMED else ""
        fix = f"Use one of {', '.join(words[:MOST_NAMED])}{more}." if words else ""
        raise Invalid.at(f"query.{at}", f"There is no {at} {named}.", fix)
    return found


def states_of(status: str) -> list[str]:
    """The exact states that a filter means, whether it is coarse or exact itself."""
    if status in State.values:
        return [status]
    if status not in STATUSES:
        message = f"There is no status {status}."
        fix = f"Use one of {', '.join(STATUSES)}, or an exact state such as queued."
        raise Invalid.at("query.status", message, fix)
    return [state for state, coarse in COARSE.items() if coarse == status]


def offset_of(query: QueryDict) -> int:
    given = query.get("after", "0")
    if not (given.isascii() and given.isdigit() and len(given) < 20 and int(given) <= MAX_OFFSET):
        raise Invalid.at("query.after", "after must be the number of a byte.")
    return int(given)


def find_job(deployment: Deployment, named: str | None) -> Job | None:
    """The job that is named, which must be there; else the first, if the deployment has any."""
    jobs = deployment.jobs.all()
    if named is None:
        return jobs.first()
    job = jobs.filter(uid=named).first()
    if job is None:
        raise NotFound(f"This deployment has no job {named}.")
    return job


def wants_to_follow(query: QueryDict) -> bool:
    given = query.get("follow", "0")
    if given not in ("0", "1"):
        raise Invalid.at("query.follow", "follow must be 0 or 1.")
    if given == "1" and query.get("format", "text") != "text":
        raise Invalid.at("query.format", "A log that is followed is text: leave out format.")
    return given == "1"


def wants_text(request: HttpRequest) -> bool:
    given = request.GET.get("format")
    if given not in (None, "json", "text"):
        raise Invalid.at("query.format", "format must be json or text.")
    return given == "text" or (
        given is None and request.headers.get("Accept", "").startswith("text/plain")
    )


def as_text(content: bytes, *, after: int) -> HttpResponse:
    response = HttpResponse(content, content_type="text/plain; charset=utf-8")
    response["X-Next-Offset"] = str(after + len(content))
    return response


def piece_of(job: Job | None, content: bytes, *, after: int) -> LogShown:
    """`content` as text. A character cut by the end of the piece is left to the next one."""
    if job is None:
        return LogShown(
            job=None, after=after, next_offset=after, size=0, is_complete=False, text=""
        )
    is_all = after + len(content) >= job.log_size and job.state in JOB_FINISHED
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(content, final=is_all)
    rest, _ = decoder.getstate()
    return LogShown(
        job=job.uid,
        after=after,
        next_offset=after + len(content) - len(rest),
        size=job.log_size,
        is_complete=is_all,
        text=text,
    )
