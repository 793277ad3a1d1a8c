"""The RPC face: deployments of images, as its seed describes them."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.models import Deployment, State, Target
from projects.models import Version
from tests import factories
from tests.api.client import Api, read


def rpc_body(place: factories.Place) -> dict[str, Any]:
    """The seed's example."""
    return {
        "projectId": place.project.uid,
        "keyspaceId": "key_abc123",
        "branch": "main",
        "environmentSlug": place.environment.slug,
        "dockerImage": "ghcr.io/user/app:v1.0.0",
        "gitCommit": {
            "commitSha": "a1b2c3d4e5f6",
            "commitMessage": "feat: add new feature",
            "authorHandle": "johndoe",
            "authorAvatarUrl": "https://avatars.githubusercontent.com/u/123456",
            "timestamp": 1704067200000,
        },
    }


def test_an_image_is_deployed_by_rpc(api: Api, place: factories.Place) -> None:
    response = api.post("/v2/deploy.createDeployment", rpc_body(place))

    deployment, version = Deployment.objects.get(), Version.objects.get()
    assert read(response) == {
        "meta": {"requestId": response["X-Request-Id"]},
        "data": {"deploymentId": deployment.uid},
    }
    assert deployment.uid.startswith("d_")
    assert (version.name, version.image) == ("main", "ghcr.io/user/app:v1.0.0")
    assert (version.commit, version.author) == ("a1b2c3d4e5f6", "johndoe")
    assert version.committed_at is not None
    assert version.committed_at.isoformat() == "2024-01-01T00:00:00+00:00"


def test_another_image_of_a_branch_is_another_deployment_and_the_same_one_is_not(
    api: Api, place: factories.Place
) -> None:
    body = {**rpc_body(place), "branch": "feature/cart"}
    other = {**body, "dockerImage": "ghcr.io/user/app:v2.0.0"}

    first, second, again = (
        read(api.post("/v2/deploy.createDeployment", sent))["data"]["deploymentId"]
        for sent in (body, other, other)
    )

    assert first != second == again
    shown = read(api.post("/v2/deploy.getDeployment", {"deploymentId": second}))["data"]
    assert (shown["dockerImage"], shown["state"]) == ("ghcr.io/user/app:v2.0.0", "queued")
    assert Deployment.objects.get(uid=second).target.head == Deployment.objects.get(uid=first)


def test_a_rule_fires_no_second_deployment_to_the_same_place(
    api: Api, place: factories.Place
) -> None:
    factories.make_rule(
        place.project, place.application, place.environment, "main", delay_minutes=5
    )

    uid = read(api.post("/v2/deploy.createDeployment", rpc_body(place)))["data"]["deploymentId"]

    assert Deployment.objects.get(uid=uid).state == State.QUEUED
    unfinished = Deployment.objects.unfinished()
    assert [deployment.uid for deployment in unfinished] == [uid]
    assert Target.objects.get().head == unfinished[0]


@pytest.mark.parametrize("field", ["projectId", "branch", "environmentSlug", "dockerImage"])
@pytest.mark.parametrize("value", ["", None, 1])
def test_each_field_has_at_least_one_character(
    api: Api, place: factories.Place, field: str, value: object
) -> None:
    answer = read(api.post("/v2/deploy.createDeployment", {**rpc_body(place), field: value}), 400)

    assert [error["location"] for error in answer["error"]["errors"]] == [field]
    assert not Version.objects.exists()


def test_a_branch_that_no_version_may_be_called_is_400_at_branch(
    api: Api, place: factories.Place
) -> None:
    answer = read(
        api.post("/v2/deploy.createDeployment", {**rpc_body(place), "branch": "a b"}), 400
    )

    assert [error["location"] for error in answer["error"]["errors"]] == ["branch"]
    assert not Version.objects.exists()


def test_a_wrong_git_commit_is_400_with_its_path(api: Api, place: factories.Place) -> None:
    body = {**rpc_body(place), "gitCommit": {"timestamp": "now"}}

    answer = read(api.post("/v2/deploy.createDeployment", body), 400)

    assert [e["location"] for e in answer["error"]["errors"]] == ["gitCommit.timestamp"]


def test_a_deployment_is_read_by_rpc(api: Api, place: factories.Place) -> None:
    deployment = factories.make_deployment(place)

    shown = read(api.post("/v2/deploy.getDeployment", {"deploymentId": deployment.uid}))

    assert shown["data"]["id"] == deployment.uid
    assert shown["data"]["status"] == "READY"


def test_a_deployment_of_another_organization_is_404(
    their_api: Api, place: factories.Place
) -> None:
    deployment = factories.make_deployment(place)

    answer = read(their_api.post("/v2/deploy.getDeployment", {"deploymentId": deployment.uid}), 404)

    assert answer["error"]["detail"] == f"There is no deployment {deployment.uid}."
