"""The face after Unkey, `/v2/deploy.*`: procedures that are called by POST."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse

from deployments.models import Deployment
from deployments.services import announcements, pushes, queues
from deployments.shapes import position_of
from hydra.api.answers import Moment, moment, moment_or_none
from hydra.api.fields import Taken, Text, Whole
from hydra.api.schema import RPC_ERROR, Operation, described, rpc
from hydra.errors import NotFound
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from projects.access import find_environment, find_project

MAX_MILLISECONDS = 253_402_300_799_999  # the end of the year 9999


class GitCommitTaken(Taken):
    commitSha = Text(max_length=64, required=False, allow_blank=True)  # noqa: N815  # the seed's
    commitMessage = Text(max_length=10_000, required=False, allow_blank=True)  # noqa: N815
    authorHandle = Text(max_length=200, required=False, allow_blank=True)  # noqa: N815
    authorAvatarUrl = Text(max_length=500, required=False, allow_blank=True)  # noqa: N815
    timestamp = Whole(
        min_value=0, max_value=MAX_MILLISECONDS, required=False, help_text="Unix milliseconds"
    )


class CreateDeploymentTaken(Taken):
    projectId = Text(help_text="Id or code")  # noqa: N815  # the seed's
    branch = Text(max_length=128)
    environmentSlug = Text()  # noqa: N815
    dockerImage = Text(max_length=500)  # noqa: N815
    keyspaceId = Text(required=False, allow_blank=True, help_text="Accepted and not used")  # noqa: N815
    gitCommit = GitCommitTaken(required=False)  # noqa: N815


class GetDeploymentTaken(Taken):
    deploymentId = Text()  # noqa: N815


class CreatedShown(TypedDict):
    deploymentId: str


class RpcDeploymentShown(TypedDict):
    """A deployment; `status` is coarse, `state` exact.

    Of a queued one `reason` says why it waits, and `position` its place in the queue, from 1.
    """

    id: str
    status: str
    state: str
    reason: str
    position: int | None
    projectId: str
    environmentSlug: str
    branch: str
    dockerImage: str
    gitCommitSha: str
    url: str
    createdAt: Moment
    startedAt: Moment | None
    finishedAt: Moment | None


class DeployViewSet(OrgViewSet):
    @described(
        Operation(
            name="deploy.createDeployment",
            summary="Deploy an image as a version named for the branch",
            tag="RPC",
            shows=rpc(CreatedShown),
            takes=CreateDeploymentTaken,
            permission=permission(Right.DEPLOYMENT_CREATE),
            error=RPC_ERROR,
            example={
                "projectId": "shop",
                "branch": "main",
                "environmentSlug": "production",
                "dockerImage": "ghcr.io/user/app:v1.0.0",
            },
        )
    )
    def create_deployment(self, _request: HttpRequest) -> HttpResponse:
        taken = self.take(CreateDeploymentTaken)
        project = find_project(self.org, taken["projectId"])
        self.require(Right.DEPLOYMENT_CREATE, project.uid)
        environment = find_environment(self.org, taken["environmentSlug"])
        wish = pushes.complete(project, application=None, environment=environment)
        self.require(Right.VERSION_CREATE, wish.application.uid)
        deployment = pushes.deploy_branch(wish, push=push_of(taken), by=self.actor)
        return self.show(CreatedShown(deploymentId=deployment.uid))

    @described(
        Operation(
            name="deploy.getDeployment",
            summary="Get a deployment",
            tag="RPC",
            shows=rpc(RpcDeploymentShown),
            takes=GetDeploymentTaken,
            permission=permission(Right.DEPLOYMENT_READ),
            error=RPC_ERROR,
            example={"deploymentId": "d_4fQ8sV0xKp2mNzR7tYbL"},
        )
    )
    def get_deployment(self, _request: HttpRequest) -> HttpResponse:
        uid = self.take(GetDeploymentTaken)["deploymentId"]
        rows = Deployment.objects.in_org(self.org).with_names()
        deployment = rows.filter(uid=uid).first()
        if deployment is None:
            raise NotFound(f"There is no deployment {uid}.")
        self.require(Right.DEPLOYMENT_READ, deployment.project.uid)
        deployment.org = self.org
        return self.show(show_deployment(deployment))


def push_of(taken: dict[str, Any]) -> pushes.Push:
    commit = taken.get("gitCommit", {})
    milliseconds = commit.get("timestamp")
    return pushes.Push(
        branch=taken["branch"],
        image=taken["dockerImage"],
        commit=commit.get("commitSha", ""),
        message=commit.get("commitMessage", ""),
        author=commit.get("authorHandle", ""),
        author_avatar_url=commit.get("authorAvatarUrl", ""),
        committed_at=None
        if milliseconds is None
        else datetime.fromtimestamp(milliseconds / 1000, tz=UTC),
    )


def show_deployment(deployment: Deployment) -> RpcDeploymentShown:
    version = deployment.version
    return RpcDeploymentShown(
        id=deployment.uid,
        status=deployment.status,
        state=deployment.state,
        reason=queues.waiting_sentence(deployment),
        position=position_of(deployment),
        projectId=deployment.project.uid,
        environmentSlug=deployment.environment.slug,
        branch=version.name,
        dockerImage=version.image,
        gitCommitSha=version.commit,
        url=announcements.page_url(deployment),
        createdAt=moment(deployment.created_at),
        startedAt=moment_or_none(deployment.started_at),
        finishedAt=moment_or_none(deployment.finished_at),
    )
