"""A suspended organization: its people, keys and agents are told so, and nothing new begins."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.test import Client

from agents.models import Agent
from deployments.models import Delivery, Deployment, Evaluation, Job, JobState, State
from deployments.services import deliveries, offers, versions, webhooks
from hydra.errors import Invalid, Suspended
from orgs.models import SYSTEM, Event, Membership, Organization, User
from orgs.services import events, organizations, suspensions
from projects.services.versions import VersionFacts
from tests import factories
from tests.api.client import Api, read
from tests.conftest import signed_in
from tests.deployments.job_course import SESSION, deploy, run, take
from tests.factories import Place

pytestmark = pytest.mark.django_db

SENTENCE = "Northwind is suspended: unpaid invoices. Ask whoever runs this Hydra about it."


def suspend(org: Organization) -> None:
    suspensions.suspend(org, reason="unpaid invoices.", by=SYSTEM)


def speak(place: Place, path: str, **body: object) -> tuple[int, dict[str, object]]:
    """What the agent is answered."""
    answer = Client().post(
        f"/agent/v1/{path}",
        json.dumps({"session": SESSION, **body}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {place.agent_token}"},
    )
    return answer.status_code, answer.json()


@pytest.fixture
def place(northwind: Organization) -> Place:
    place = factories.make_place(northwind)
    Agent.objects.filter(pk=place.agent.pk).update(session=SESSION)
    return place


def test_suspending_and_resuming_are_written_down_once_each(northwind: Organization) -> None:
    before = Event.objects.count()

    for _ in range(2):
        suspend(northwind)
    was_suspended = northwind.is_suspended
    for _ in range(2):
        suspensions.resume(northwind, by=SYSTEM)

    assert (was_suspended, northwind.is_suspended) == (True, False)
    told = Event.objects.order_by("pk")[before:]
    assert [(event.verb, event.data["after"]) for event in told] == [
        ("organization.suspended", {"suspension_reason": "unpaid invoices."}),
        ("organization.resumed", {"suspension_reason": ""}),
    ]


def test_a_suspension_needs_a_reason(northwind: Organization) -> None:
    with pytest.raises(Invalid):
        suspensions.suspend(northwind, reason="  ", by=SYSTEM)

    northwind.refresh_from_db()
    assert northwind.suspended_at is None


def test_its_people_read_why_and_whom_to_ask(northwind: Organization, olivia: User) -> None:
    suspend(northwind)

    for path in ("/o/northwind/", "/o/northwind/settings/users/", "/o/northwind/search/"):
        answer = signed_in(olivia).get(path)
        assert answer.status_code == 403
        assert SENTENCE in answer.content.decode()
        assert "/account/" in answer.content.decode()


def test_a_stranger_does_not_learn_of_it(northwind: Organization, sam: User) -> None:
    suspend(northwind)

    answer = signed_in(sam).get("/o/northwind/")

    assert answer.status_code == 404
    assert "suspended" not in answer.content.decode()


def test_their_accounts_and_other_organizations_still_work(
    northwind: Organization, olivia: User
) -> None:
    factories.make_org("Eastwind", owner=olivia)
    browser = signed_in(olivia)
    browser.get("/o/northwind/projects/")
    suspend(northwind)

    assert browser.get("/account/").status_code == 200
    assert browser.get("/o/eastwind/").status_code == 200


def test_nobody_joins_it(northwind: Organization, sam: User) -> None:
    code = factories.make_invite(northwind)[1]
    suspend(northwind)

    with pytest.raises(Suspended):
        organizations.join(code=code, user=sam, by=SYSTEM)

    assert not Membership.objects.filter(org=northwind, user=sam).exists()


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/api/v1/projects", "native"),
        ("POST", "/api/externals/version/create", "native"),
        ("POST", "/v2/deploy.getDeployment", "rpc"),
        ("GET", "/v1/health", "check"),
    ],
)
def test_its_keys_are_refused_in_the_words_of_each_face(
    northwind: Organization, method: str, path: str, error: str
) -> None:
    api = Api(factories.make_key(northwind)[1])
    suspend(northwind)

    response = api.send(method, path, {})

    told = read(response, 403)
    spoken = {
        "native": lambda: (told["code"], told["error"]),
        "rpc": lambda: (told["error"]["type"].rsplit("#error-", 1)[-1], told["error"]["detail"]),
        "check": lambda: (told["error"]["code"], told["error"]["message"]),
    }[error]()
    assert spoken == ("organization_suspended", SENTENCE)
    for name in ("X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining"):
        assert response[name]


def test_a_key_works_again_when_it_is_over(northwind: Organization) -> None:
    api = Api(factories.make_key(northwind)[1])
    suspend(northwind)
    suspensions.resume(northwind, by=SYSTEM)

    assert api.get("/api/v1/projects").status_code == 200


def test_its_agents_are_given_no_work(place: Place) -> None:
    deploy(place)
    suspend(place.org)

    agent = Agent.objects.select_related("org").get(pk=place.agent.pk)
    with pytest.raises(Suspended):
        offers.answer(agent, offers.Poll(session=SESSION, free=1, running=[], canceling=[]))

    assert Job.objects.get().state == JobState.READY


def test_what_was_only_offered_is_not_begun(place: Place) -> None:
    deploy(place)
    job = take(place)
    suspend(place.org)

    status, told = speak(place, f"jobs/{job.uid}/start", fence=job.fence)

    job.refresh_from_db()
    assert (status, told["code"], job.state) == (409, "fenced", JobState.OFFERED)


def test_what_runs_is_reported_and_ends(place: Place) -> None:
    deployment = deploy(place)
    job = run(place)
    suspend(place.org)

    hello = speak(
        place,
        "hello",
        protocol=1,
        jobs=[{"id": job.uid, "fence": job.fence, "state": "running"}],
    )
    beat = speak(place, "heartbeat", running=[{"id": job.uid, "fence": job.fence}])
    again = speak(place, f"jobs/{job.uid}/start", fence=job.fence)
    report = speak(place, f"jobs/{job.uid}/report", fence=job.fence, steps=[])
    end = speak(place, f"jobs/{job.uid}/finish", fence=job.fence, outcome="succeeded")

    assert [status for status, _ in (hello, beat, again, report, end)] == [200] * 5
    deployment.refresh_from_db()
    assert deployment.state == State.SUCCEEDED


def test_no_deployment_begins(place: Place) -> None:
    suspend(place.org)

    with pytest.raises(Suspended):
        deploy(place)

    assert not Deployment.objects.exists()


def test_a_rule_says_why_it_deploys_nothing(place: Place) -> None:
    """A version may still come in where nobody stands at a gate, as from a sweep."""
    factories.make_rule(place.project, place.application, place.environment, "v.*")
    suspend(place.org)

    versions.receive_version(place.application, facts=VersionFacts(name="v1"), by=SYSTEM)

    (verdict,) = Evaluation.objects.get().verdicts
    assert (verdict["fired"], verdict["reason"]) == (False, SENTENCE)
    assert not Deployment.objects.exists()


def test_deliveries_wait_until_it_is_over(northwind: Organization) -> None:
    factories.make_webhook(northwind, "https://receiver.example/hook")
    events.record(
        org=northwind, by=SYSTEM, verb="ping", subject=events.Subject("webhook", str(uuid4()), "")
    )
    events.number_events()
    webhooks.fan_out()
    assert Delivery.objects.due().count() == 1
    suspend(northwind)

    assert deliveries.Sender().choose() == []
    suspensions.resume(northwind, by=SYSTEM)
    assert len(deliveries.Sender().choose()) == 1
