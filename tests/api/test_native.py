"""The native face: each resource as its route shows and takes it."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent
from deployments.models import Deployment, JobState, State, Target, Webhook
from hydra import keys
from orgs.models import Environment, Organization, Role, User
from projects.models import Application, AutoDeployRule, Project, Version
from tests import factories
from tests.api.client import Api, read

MOMENT_FIELDS = ("created_at", "updated_at", "started_at", "queued_at", "finished_at")


def timeless(shown: dict[str, Any]) -> dict[str, Any]:
    """What is shown, without the moments, each of which is in UTC."""
    for name in MOMENT_FIELDS:
        assert (shown.get(name) or "Z").endswith("Z")
    return {name: value for name, value in shown.items() if name not in MOMENT_FIELDS}


# --- Organizations -----------------------------------------------------------------------------


def test_the_keys_organization_is_listed(api: Api, northwind: Organization) -> None:
    assert read(api.get("/api/v1/orgs")) == {
        "data": [
            {"id": northwind.uid, "name": "Northwind", "slug": "northwind", "role": "ORG_OWNER"}
        ],
        "pagination": {"hasMore": False, "nextCursor": None, "limit": 20},
    }


def test_an_organization_counts_members_and_projects(api: Api, northwind: Organization) -> None:
    factories.make_project(northwind)

    shown = read(api.get("/api/v1/orgs/northwind"))["data"]

    assert timeless(shown) == {
        "id": northwind.uid,
        "name": "Northwind",
        "slug": "northwind",
        "description": "",
        "website": "",
        "billing_address": "",
        "billing_email": "",
        "time_zone": "UTC",
        "managers_may_edit": False,
        "requires_two_factor": False,
        "plan": "enterprise",
        "_count": {"members": 1, "projects": 1},
    }


def test_members_are_shown_with_role_and_person(
    api: Api, northwind: Organization, olivia: User
) -> None:
    factories.make_member(northwind, Role.USER)

    listed = read(api.get("/api/v1/orgs/northwind/members"))["data"]

    assert [member["role"] for member in listed] == ["ORG_OWNER", "ORG_USER"]
    assert listed[0]["user"] == {"id": olivia.uid, "email": olivia.email, "name": olivia.name}


def test_another_organization_does_not_exist(api: Api, southwind: Organization) -> None:
    there, nowhere = api.get("/api/v1/orgs/southwind"), api.get("/api/v1/orgs/nowhere")

    assert read(there, 404)["error"] == "There is no organization southwind."
    assert read(nowhere, 404)["error"] == "There is no organization nowhere."


def test_usage_counts_what_the_organization_has(api: Api, northwind: Organization) -> None:
    place = factories.make_place(northwind)
    factories.make_deployment(place)

    shown = read(api.get("/v1/usage"))["data"]

    counted = {name: shown[name] for name in ("projects", "agents", "members", "deployments")}
    assert counted == {"projects": 1, "agents": 1, "members": 1, "deployments": 1}


# --- Environments and agents -------------------------------------------------------------------


def test_an_environment_is_created_and_listed(api: Api) -> None:
    created = read(api.post("/api/v1/environments", {"name": "Staging"}), 201)["data"]

    environment = Environment.objects.get()
    assert timeless(created) == {
        "id": environment.uid,
        "name": "Staging",
        "slug": "staging",
        "position": 0,
    }
    assert read(api.get("/api/v1/environments"))["data"] == [created]


def test_a_taken_environment_is_409(api: Api) -> None:
    api.post("/api/v1/environments", {"name": "Staging"})

    answer = read(api.post("/api/v1/environments", {"name": "staging"}), 409)

    assert answer["code"] == "environment_exists"


def test_an_agents_key_is_shown_when_it_is_created_and_never_again(api: Api) -> None:
    created = read(api.post("/api/v1/agents", {"name": "server-1"}), 201)["data"]
    listed = read(api.get("/api/v1/agents"))["data"]

    key = created.pop("key")
    assert keys.looks_valid(key, keys.AGENT_KEY)
    assert Agent.objects.get().digest == keys.digest(key)
    assert listed == [created]
    assert created["presence"] == "never"


# --- Applications ------------------------------------------------------------------------------


def test_an_application_is_created_listed_and_found_by_id_and_code(api: Api) -> None:
    created = read(api.post("/api/v1/applications", {"name": "Web Shop"}), 201)["data"]

    assert timeless(created) == {
        "id": Application.objects.get().uid,
        "name": "Web Shop",
        "code": "web-shop",
        "description": "",
        "icon": None,
        "moving_names": "main|master|trunk|develop|latest|nightly|edge",
        "latest_version": None,
    }
    assert read(api.get("/api/v1/applications"))["data"] == [created]
    for named in (created["id"], "web-shop"):
        assert read(api.get(f"/api/v1/applications/{named}"))["data"] == created


def test_an_application_shows_its_latest_version(api: Api, northwind: Organization) -> None:
    application = factories.make_application(northwind, code="shop")
    factories.make_version(application, "v1.0.0")
    factories.make_version(application, "v1.1.0")

    assert read(api.get("/api/v1/applications/shop"))["data"]["latest_version"] == "v1.1.0"
    assert read(api.get("/api/v1/applications"))["data"][0]["latest_version"] == "v1.1.0"


def test_an_application_is_changed_and_deleted(api: Api, northwind: Organization) -> None:
    factories.make_application(northwind, code="shop")

    changed = read(api.patch("/api/v1/applications/shop", {"description": "Sells"}))["data"]
    assert changed["description"] == "Sells"
    assert read(api.delete("/api/v1/applications/shop")) == {"deleted": True}
    assert not Application.objects.exists()


def test_config_files_are_created_and_listed(api: Api, northwind: Organization) -> None:
    application = factories.make_application(northwind, code="shop")
    body = {"name": "app.env", "type": "DOTENV", "content": "PORT=80\n"}

    created = read(api.post("/api/v1/applications/shop/configs", body), 201)["data"]

    assert timeless(created) == {
        **body,
        "id": application.config_files.get().uid,
        "version_pattern": "",
    }
    assert read(api.get("/api/v1/applications/shop/configs"))["data"] == [created]


def test_an_unparsable_config_is_400_and_an_escaping_name_too(
    api: Api, northwind: Organization
) -> None:
    factories.make_application(northwind, code="shop")
    broken = {"name": "a.json", "type": "JSON", "content": '{"a": '}
    escaping = {"name": "../../etc/passwd", "type": "TXT", "content": ""}
    unknown = {"name": "a.yaml", "type": "YAML", "content": ""}

    for body, place in ((broken, "content"), (escaping, "name"), (unknown, "type")):
        answer = read(api.post("/api/v1/applications/shop/configs", body), 400)
        assert answer["details"][0]["location"] == place
    assert not Application.objects.get().config_files.exists()


def test_steps_are_created_at_the_end_and_listed_in_order(
    api: Api, northwind: Organization
) -> None:
    factories.make_application(northwind, code="shop")
    api.post("/api/v1/applications/shop/steps", {"name": "Stop", "script": "stop"})

    body = {"name": "Start", "script": "start", "timeout_seconds": 5, "safe_to_repeat": True}
    created = read(api.post("/api/v1/applications/shop/steps", body), 201)["data"]

    assert {name: created[name] for name in body} == body
    listed = read(api.get("/api/v1/applications/shop/steps"))["data"]
    assert [(step["position"], step["name"]) for step in listed] == [(0, "Stop"), (1, "Start")]


def test_versions_are_created_with_their_receipt_and_listed_newest_first(
    api: Api, northwind: Organization
) -> None:
    factories.make_application(northwind, code="shop")
    path = "/api/v1/applications/shop/versions"
    api.post(path, {"name": "v1.0.0"})

    created = read(api.post(path, {"name": "v1.1.0", "tags": ["stable"]}), 201)["data"]
    replayed = read(api.post(path, {"name": "v1.1.0"}), 200)["data"]

    assert (created["name"], created["tags"], created["decisions"]) == ("v1.1.0", ["stable"], [])
    assert replayed == {**created, "replayed": True}
    assert [row["name"] for row in read(api.get(path))["data"]] == ["v1.1.0", "v1.0.0"]


# --- Projects ----------------------------------------------------------------------------------


def test_a_project_is_created_as_the_seed_shows(api: Api) -> None:
    body = {
        "name": "My App",
        "orgSlug": "northwind",
        "framework": "NEXTJS",
        "appType": "STATIC",
        "description": "Mine",
    }

    created = read(api.post("/api/v1/projects", body), 201)["data"]

    assert timeless(created) == {
        "id": Project.objects.get().uid,
        "name": "My App",
        "slug": "my-app",
        "code": "my-app",
        "description": "Mine",
        "icon": None,
        "framework": "NEXTJS",
        "appType": "STATIC",
        "build_command": "",
        "install_command": "",
        "output_dir": "",
        "environments": [],
        "applications": [],
        "domains": [],
        "current_deployment": None,
    }
    for named in (created["id"], "my-app"):
        assert read(api.get(f"/api/v1/projects/{named}"))["data"] == created
    assert read(api.get("/api/v1/projects?org=northwind"))["data"] == [created]


def test_a_code_that_is_made_from_a_name_is_free(api: Api, northwind: Organization) -> None:
    factories.make_project(northwind, code="my-app")

    created = read(api.post("/api/v1/projects", {"name": "My App"}), 201)["data"]

    assert created["slug"] == "my-app-2"


def test_a_taken_code_is_409(api: Api, northwind: Organization) -> None:
    factories.make_project(northwind, code="shop")

    answer = read(api.post("/api/v1/projects", {"name": "Shop", "code": "shop"}), 409)

    assert answer["code"] == "code_taken"


@pytest.mark.parametrize("slug", ["southwind", "nowhere"])
def test_another_organization_takes_no_project(
    api: Api, southwind: Organization, slug: str
) -> None:
    body = {"name": "Shop", "orgSlug": slug}

    assert read(api.post("/api/v1/projects", body), 404)["code"] == "not_found"
    assert read(api.get(f"/api/v1/projects?org={slug}"), 404)["code"] == "not_found"
    assert not Project.objects.exists()


def test_a_project_is_changed_and_deleted(api: Api, northwind: Organization) -> None:
    factories.make_project(northwind, code="shop")
    body = {"build_command": "make", "install_command": "pip", "output_dir": "out"}

    changed = read(api.patch("/api/v1/projects/shop", body))["data"]

    assert {name: changed[name] for name in body} == body
    assert read(api.delete("/api/v1/projects/shop")) == {"deleted": True}
    assert not Project.objects.exists()


def test_a_project_shows_its_domains_and_what_succeeded_last(
    api: Api, northwind: Organization
) -> None:
    place = factories.make_place(northwind)
    succeeded = factories.make_deployment(place)
    factories.make_deployment(place, State.FAILED)

    listed = read(api.get("/api/v1/projects"))["data"][0]
    found = read(api.get(f"/api/v1/projects/{place.project.uid}"))["data"]

    assert listed == found
    assert found["current_deployment"]["id"] == succeeded.uid
    assert found["current_deployment"]["status"] == "READY"
    domain = f"{place.environment.slug}.{place.project.code}.example.org"
    assert found["domains"] == [f"https://{domain}"]
    assert found["current_deployment"]["deployment_domain"] == domain


def test_a_list_of_projects_costs_the_same_however_long(
    api: Api, northwind: Organization, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        factories.make_deployment(factories.make_place(northwind))
    api.get("/v1/health")

    with django_assert_max_num_queries(7):
        assert len(read(api.get("/api/v1/projects"))["data"]) == 5


# --- Rules -------------------------------------------------------------------------------------


def test_a_rule_is_created_and_listed(api: Api, northwind: Organization) -> None:
    place = factories.make_place(northwind)
    body = {
        "application": place.application.code,
        "environment": place.environment.slug,
        "pattern": "v.*",
        "delay_minutes": 5,
    }
    path = f"/api/v1/projects/{place.project.code}/rules"

    created = read(api.post(path, body), 201)["data"]

    assert timeless(created) == {
        **body,
        "id": AutoDeployRule.objects.get().uid,
        "project": place.project.code,
        "strategy": "regex",
        "enabled": True,
        "allows_older": False,
        "position": 0,
        "last_fired": None,
    }
    assert read(api.get(path))["data"] == [created]


def test_a_rule_tells_what_it_started_last(api: Api, northwind: Organization) -> None:
    place = factories.make_place(northwind)
    factories.make_rule(place.project, place.application, place.environment, "v.*")
    for version in ("v1", "v2"):
        body = {"name": version}
        read(api.post(f"/api/v1/applications/{place.application.code}/versions", body), 201)
    last = Deployment.objects.latest("pk")

    (shown,) = read(api.get(f"/api/v1/projects/{place.project.code}/rules"))["data"]

    assert shown["last_fired"].pop("at").endswith("Z")
    assert shown["last_fired"] == {"deployment": last.uid, "version": "v2"}


def test_rules_are_put_in_order_unless_they_have_changed(api: Api, northwind: Organization) -> None:
    place = factories.make_place(northwind)
    a, b = (
        factories.make_rule(
            place.project, place.application, place.environment, pattern, position=position
        ).uid
        for position, pattern in enumerate(("v.*", "w.*"))
    )
    path = f"/api/v1/projects/{place.project.code}/rules/order"

    shown = read(api.send("PUT", path, {"order": [b, a], "was": [a, b]}))["data"]

    assert [(row["id"], row["position"]) for row in shown] == [(b, 0), (a, 1)]
    for sent, code in (
        ({"order": [a, b], "was": [a, b]}, "order_changed"),
        ({"order": [a]}, "order_outdated"),
    ):
        assert read(api.send("PUT", path, sent), 409)["code"] == code
    assert [rule.uid for rule in place.project.rules.all()] == [b, a]


@pytest.mark.parametrize("pattern", ["(", "(?=v)", r"(a)\1", "a{2000}"])
def test_a_bad_pattern_is_400_with_its_place(
    api: Api, northwind: Organization, pattern: str
) -> None:
    place = factories.make_place(northwind)
    body = {
        "application": place.application.code,
        "environment": place.environment.slug,
        "pattern": pattern,
    }

    answer = read(api.post(f"/api/v1/projects/{place.project.code}/rules", body), 400)

    assert [detail["location"] for detail in answer["details"]] == ["pattern"]
    assert not AutoDeployRule.objects.exists()


def test_a_rule_names_nothing_of_another_organization(
    api: Api, northwind: Organization, southwind: Organization
) -> None:
    mine, theirs = factories.make_place(northwind), factories.make_place(southwind)
    path = f"/api/v1/projects/{mine.project.code}/rules"

    for application, environment in (
        (theirs.application.uid, mine.environment.slug),
        (mine.application.code, theirs.environment.uid),
    ):
        body = {"application": application, "environment": environment}
        assert api.post(path, body).status_code == 404
    assert not AutoDeployRule.objects.exists()


# --- Webhooks ----------------------------------------------------------------------------------


def test_a_webhooks_secret_is_shown_when_it_is_created_and_never_again(api: Api) -> None:
    body = {"url": "https://ci.example.com/hydra", "events": ["deployment.ready"]}

    created = read(api.post("/api/v1/webhooks", body), 201)["data"]
    listed = read(api.get("/api/v1/webhooks"))["data"]

    secret = created.pop("secret")
    assert secret == Webhook.objects.get().open_secret()
    assert listed == [created]
    assert timeless(created) == {
        **body,
        "id": Webhook.objects.get().uid,
        "name": "",
        "header_prefix": "X-Hydra",
        "enabled": True,
        "disabled_reason": "",
    }


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://169.254.169.254/latest/meta-data"},
        {"url": "http://127.0.0.1:6379/"},
        {"url": "ftp://example.com/"},
        {"url": "https://example.com/", "events": ["nothing.happened"]},
        {"url": "https://example.com/", "header_prefix": "X-Evil\r\nSet-Cookie"},
    ],
)
def test_a_webhook_to_a_forbidden_place_or_for_no_event_is_400(api: Api, body: object) -> None:
    assert api.post("/api/v1/webhooks", body).status_code == 400
    assert not Webhook.objects.exists()


def test_deliveries_are_listed_with_their_attempts(api: Api, northwind: Organization) -> None:
    webhook, _ = factories.make_webhook(northwind)

    assert read(api.get(f"/api/v1/webhooks/{webhook.uid}/deliveries"))["data"] == []


# --- Deployments -------------------------------------------------------------------------------


@pytest.fixture
def place(northwind: Organization) -> factories.Place:
    return factories.make_place(northwind)


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


@pytest.mark.parametrize("field", ["framework", "appType"])
def test_a_projects_framework_is_one_that_the_seed_names(api: Api, field: str) -> None:
    body = {"name": "Site", field: "COBOL"}

    details = read(api.post("/api/v1/projects", body), 400)["details"]

    assert details[0]["location"] == field
    assert "NODEJS" in details[0]["message"]
    assert not Project.objects.filter(name="Site").exists()
    assert read(api.post("/api/v1/projects", {"name": "Site", field: ""}), 201)["data"][field] == ""


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


def test_a_waiting_deployment_is_canceled(api: Api, place: factories.Place) -> None:
    path = f"/api/v1/projects/{place.project.code}/deployments"
    uid = read(api.post(path, {"branch": "main"}), 201)["data"]["id"]

    shown = read(api.post(f"/api/v1/deployments/{uid}/cancel"))["data"]

    assert (shown["state"], shown["status"]) == ("canceled", "CANCELLED")
    assert shown["reason"] == "Canceled by pipeline."
    again = read(api.post(f"/api/v1/deployments/{uid}/cancel"), 409)
    assert again["code"] == "already_finished"


# --- Logs --------------------------------------------------------------------------------------


def make_log(place: factories.Place, content: bytes, *, is_over: bool = True) -> Deployment:
    state = State.SUCCEEDED if is_over else State.RUNNING
    deployment = factories.make_deployment(place, state)
    now = timezone.now()
    job = deployment.jobs.create(
        org=place.org,
        agent=place.agent,
        state=JobState.SUCCEEDED if is_over else JobState.RUNNING,
        fence=1,
        lease_until=None if is_over else now,
        finished_at=now if is_over else None,
        log_size=len(content),
    )
    job.log_chunks.create(offset=0, length=len(content), content=zlib.compress(content))
    return deployment


def test_a_log_is_read_as_json_from_a_byte_on(api: Api, place: factories.Place) -> None:
    deployment = make_log(place, "grüß dich\n".encode())

    shown = read(api.get(f"/api/v1/deployments/{deployment.uid}/logs?after=2"))["data"]

    assert shown == {
        "job": deployment.jobs.get().uid,
        "after": 2,
        "next_offset": 12,
        "size": 12,
        "is_complete": True,
        "text": "üß dich\n",
    }


def test_a_log_is_read_as_the_bytes_that_were_written(api: Api, place: factories.Place) -> None:
    deployment = make_log(place, b"\xff\x00<script>\x1b[31m\n")

    for response in (
        api.get(f"/api/v1/deployments/{deployment.uid}/logs", Accept="text/plain"),
        api.get(f"/api/v1/deployments/{deployment.uid}/logs?format=text"),
    ):
        assert response.content == b"\xff\x00<script>\x1b[31m\n"
        assert response["Content-Type"] == "text/plain; charset=utf-8"
        assert response["X-Next-Offset"] == "16"


def test_a_character_that_is_not_whole_yet_waits_for_its_rest(
    api: Api, place: factories.Place
) -> None:
    deployment = make_log(place, b"gr\xc3", is_over=False)

    shown = read(api.get(f"/api/v1/deployments/{deployment.uid}/logs"))["data"]

    assert (shown["text"], shown["next_offset"], shown["is_complete"]) == ("gr", 2, False)


def test_bytes_that_are_no_text_are_replaced_in_json(api: Api, place: factories.Place) -> None:
    deployment = make_log(place, b"a\xff\xfeb\xc3")

    shown = read(api.get(f"/api/v1/deployments/{deployment.uid}/logs"))["data"]

    assert (shown["text"], shown["next_offset"]) == ("a��b�", 5)


def test_a_deployment_without_a_job_has_an_empty_log(api: Api, place: factories.Place) -> None:
    deployment = factories.make_deployment(place, State.CANCELED)

    shown = read(api.get(f"/api/v1/deployments/{deployment.uid}/logs"))["data"]

    assert (shown["job"], shown["text"], shown["size"]) == (None, "", 0)


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=" + "9" * 25, "format=xml"])
def test_a_log_is_asked_for_with_sense_or_400(api: Api, place: factories.Place, query: str) -> None:
    deployment = make_log(place, b"text")

    assert api.get(f"/api/v1/deployments/{deployment.uid}/logs?{query}").status_code == 400


def test_a_job_of_another_deployment_is_404(api: Api, place: factories.Place) -> None:
    one, other = make_log(place, b"one"), make_log(place, b"other")

    path = f"/api/v1/deployments/{one.uid}/logs?job={other.jobs.get().uid}"

    assert api.get(path).status_code == 404


# --- RPC ---------------------------------------------------------------------------------------


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
