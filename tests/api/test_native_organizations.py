"""Organizations, their environments, agents and usage, as the native face shows and takes them."""

from __future__ import annotations

from agents.models import Agent
from hydra import keys
from orgs.models import Environment, Organization, Role, User
from tests import factories
from tests.api.client import Api, read, timeless


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


# --- Environments and agents -----------------------------------------------------------------


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
