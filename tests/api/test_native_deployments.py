"""Deployments, as the native face shows and takes them."""

from __future__ import annotations

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from deployments.models import Deployment, State
from orgs.models import Organization
from projects.models import Version
from projects.services.versions import NAME_RULE
from tests import factories
from tests.api.client import Api, read, timeless


def test_a_version_is_deployed_by_name(api: Api, place: factories.Place) -> None:
    version = factories.make_version(place.application, "v1.0.0", commit="abc", message="Fix")
    path = f"/api/v1/projects/{place.project.code}/deployments"
    body = {
        "application": place.application.code,
        "environment": place.environment.slug,
        "version": "v1.0.0",
    }

    shown = read(api.post(path, body), 201)["data"]

    deployment = Deployment.objects.get()
    assert timeless(shown) == {
        "id": deployment.uid,
        "status": "QUEUED",
        "state": "queued",
        "reason": deployment.reason,
        "project": place.project.code,
        "application": place.application.code,
        "environment": place.environment.slug,
        "version": "v1.0.0",
        "build": 1,
        "branch": "v1.0.0",
        "commitSha": "abc",
        "commitMessage": "Fix",
        "trigger": "api",
        "requested_by": "pipeline",
        "deployment_domain": f"{place.environment.slug}.{place.project.code}.example.org",
        "url": f"http://127.0.0.1:8000/o/northwind/deployments/{deployment.uid}/",
        "buildDurationMs": None,
        "bundleSizeKb": 0,
        "due_at": None,
    }
    assert deployment.version == version
    assert read(api.get(path))["data"] == [shown]


def test_a_branch_is_deployed_as_the_seeds_client_asks(api: Api, place: factories.Place) -> None:
    path = f"/api/v1/projects/{place.project.code}/deployments"
    body = {"branch": "feature/cart", "commitSha": "abc123", "commitMessage": "Add a cart"}

    shown = read(api.post(path, body), 201)["data"]

    assert (shown["branch"], shown["status"]) == ("feature/cart", "QUEUED")
    version = Version.objects.get()
    assert (version.name, version.commit, version.message) == (
        "feature/cart",
        "abc123",
        "Add a cart",
    )


def test_a_branch_that_no_version_may_be_called_is_400_at_branch(
    api: Api, place: factories.Place
) -> None:
    path = f"/api/v1/projects/{place.project.code}/deployments"

    answer = read(api.post(path, {"branch": "feature/a b"}), 400)

    assert [error["location"] for error in answer["details"]] == ["branch"]
    assert answer["details"][0]["message"] == NAME_RULE
    assert not Version.objects.exists()


def test_without_a_branch_the_last_deployed_one_is_deployed(
    api: Api, place: factories.Place
) -> None:
    path = f"/api/v1/projects/{place.project.code}/deployments"
    assert read(api.post(path), 400)["details"][0]["location"] == "version"
    main = factories.make_version(place.application, "main")
    factories.make_deployment(place, version=main, started_at=timezone.now())

    shown = read(api.post(path), 201)["data"]

    assert (shown["branch"], shown["build"]) == ("main", 2)


def test_where_a_project_has_several_the_place_of_the_last_one_is_taken(
    api: Api, place: factories.Place
) -> None:
    other = factories.make_environment(place.org)
    place.project.project_environments.create(environment=other)
    path = f"/api/v1/projects/{place.project.code}/deployments"
    answer = read(api.post(path, {"branch": "main"}), 400)
    assert answer["details"][0]["location"] == "environment"
    factories.make_deployment(place, started_at=timezone.now())

    shown = read(api.post(path, {"branch": "main"}), 201)["data"]

    assert shown["environment"] == place.environment.slug


def test_a_branch_that_a_rule_deploys_there_is_deployed_once(
    api: Api, place: factories.Place
) -> None:
    factories.make_rule(place.project, place.application, place.environment, "main")

    shown = read(
        api.post(f"/api/v1/projects/{place.project.code}/deployments", {"branch": "main"}), 201
    )["data"]

    assert shown["id"] == Deployment.objects.get().uid
    assert shown["trigger"] == "rule"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"version": "v9"}, "v9"),
        ({"version": "v1", "application": "none"}, "none"),
        ({"version": "v1", "environment": "none"}, "none"),
    ],
)
def test_what_is_not_there_is_404_and_named(
    api: Api, place: factories.Place, body: object, named: str
) -> None:
    factories.make_version(place.application, "v1")

    answer = read(api.post(f"/api/v1/projects/{place.project.code}/deployments", body), 404)

    assert named in answer["error"]
    assert not Deployment.objects.exists()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=READY", [State.SUCCEEDED]),
        ("status=ERROR", [State.EXPIRED, State.FAILED]),
        ("status=failed", [State.FAILED]),
        ("status=BUILDING", []),
    ],
)
def test_deployments_are_filtered(
    api: Api, place: factories.Place, query: str, expected: list[State]
) -> None:
    for state in (State.SUCCEEDED, State.FAILED, State.EXPIRED, State.CANCELED):
        factories.make_deployment(place, state)

    rows = read(api.get(f"/api/v1/projects/{place.project.code}/deployments?{query}"))["data"]

    assert [row["state"] for row in rows] == expected


def test_deployments_are_filtered_by_place(api: Api, place: factories.Place) -> None:
    factories.make_deployment(place)
    path = f"/api/v1/projects/{place.project.code}/deployments"

    for query in (
        f"environment={place.environment.slug}&application={place.application.code}",
        f"environment={place.environment.uid}&application={place.application.uid}",
    ):
        assert len(read(api.get(f"{path}?{query}"))["data"]) == 1


@pytest.mark.parametrize("name", ["status", "environment", "application"])
def test_a_filter_that_is_unknown_is_400_and_names_what_is_known(
    api: Api, place: factories.Place, name: str
) -> None:
    known = {
        "status": "QUEUED",
        "environment": place.environment.slug,
        "application": place.application.code,
    }

    refused = read(api.get(f"/api/v1/projects/{place.project.code}/deployments?{name}=typo"), 400)

    assert refused["details"][0]["location"] == f"query.{name}"
    assert refused["details"][0]["message"] == f"There is no {name} typo."
    assert known[name] in refused["details"][0]["fix"]


def test_what_another_organization_has_is_no_filter_here(
    api: Api, place: factories.Place, southwind: Organization
) -> None:
    theirs = factories.make_place(southwind)
    path = f"/api/v1/projects/{place.project.code}/deployments"

    assert api.get(f"{path}?environment={theirs.environment.uid}").status_code == 400
    assert api.get(f"{path}?application={theirs.application.uid}").status_code == 400


def test_a_list_of_deployments_costs_the_same_however_long(
    api: Api, place: factories.Place, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        factories.make_deployment(place)
    api.get("/v1/health")

    with django_assert_max_num_queries(3):
        path = f"/api/v1/projects/{place.project.code}/deployments"
        assert len(read(api.get(path))["data"]) == 5


def test_one_deployment_shows_jobs_and_steps(api: Api, place: factories.Place) -> None:
    deployment = factories.make_deployment(place)
    job = deployment.jobs.create(org=place.org, agent=place.agent, reason="Because")
    job.step_runs.create(position=0, name="Start", state="succeeded", exit_code=0, duration_ms=5)

    shown = read(api.get(f"/api/v1/deployments/{deployment.uid}"))["data"]

    assert [timeless(shown_job) for shown_job in shown["jobs"]] == [
        {
            "id": job.uid,
            "agent": place.agent.name,
            "state": "waiting",
            "reason": "Because",
            "log_size": 0,
            "steps": [
                {
                    "position": 0,
                    "name": "Start",
                    "state": "succeeded",
                    "attempt": 1,
                    "exit_code": 0,
                    "duration_ms": 5,
                    "log_from": None,
                    "log_to": None,
                    "reason": "",
                }
            ],
        }
    ]


def test_a_queued_deployment_says_why_it_waits_and_at_which_position(
    api: Api, place: factories.Place
) -> None:
    path = f"/api/v1/projects/{place.project.code}/deployments"
    uids = [read(api.post(path, {"branch": "main"}), 201)["data"]["id"] for _ in range(3)]

    shown = [read(api.get(f"/api/v1/deployments/{uid}"))["data"] for uid in uids]

    assert [(one["position"], one["reason"]) for one in shown] == [
        (1, f"Waits for {place.agent.name} to take it."),
        (2, "Waits behind main in the queue, at position 2."),
        (3, "Waits behind main in the queue, at position 3."),
    ]
    by_rpc = read(api.post("/v2/deploy.getDeployment", {"deploymentId": uids[2]}))["data"]
    assert (by_rpc["position"], by_rpc["reason"]) == (3, shown[2]["reason"])


@pytest.mark.parametrize("state", [State.SCHEDULED, State.RUNNING, State.FAILED])
def test_what_is_not_queued_has_no_position_and_its_own_reason(
    api: Api, place: factories.Place, state: State
) -> None:
    deployment = factories.make_deployment(place, state, reason="Because")

    native = read(api.get(f"/api/v1/deployments/{deployment.uid}"))["data"]
    by_rpc = read(api.post("/v2/deploy.getDeployment", {"deploymentId": deployment.uid}))["data"]

    for shown in (native, by_rpc):
        assert (shown["position"], shown["reason"]) == (None, "Because")


def test_a_waiting_deployment_is_canceled(api: Api, place: factories.Place) -> None:
    path = f"/api/v1/projects/{place.project.code}/deployments"
    uid = read(api.post(path, {"branch": "main"}), 201)["data"]["id"]

    shown = read(api.post(f"/api/v1/deployments/{uid}/cancel"))["data"]

    assert (shown["state"], shown["status"]) == ("canceled", "CANCELLED")
    assert shown["position"] is None
    assert shown["reason"] == "Canceled by pipeline."
    again = read(api.post(f"/api/v1/deployments/{uid}/cancel"), 409)
    assert again["code"] == "already_finished"
