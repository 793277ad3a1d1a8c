"""An organization goes with all that is its own, and with nothing of anybody else."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from structlog.testing import capture_logs

from agents.auth import AgentRefused, authenticate_agent
from deployments.models import Deployment, Evaluation, State
from deployments.services import logs
from deployments.services.departures import BeingDeployed
from hydra.errors import Forbidden, Invalid
from orgs.auth import KeyRefused, authenticate_key
from orgs.models import SYSTEM, AuditSeal, Event, Icon, IdempotencyRecord, Organization, Role, User
from orgs.services import deletion, environments
from orgs.services.deletion import owned_models
from projects.models import Project
from tests import factories
from tests.access_ground import Ground, make_ground
from tests.factories import actor_of

# Of our own tables those that belong to people, to the site, or to nobody.
NOT_OWNED = {
    "deployments.Tick",
    "orgs.BrowserSession",
    "orgs.FailedSignIn",
    "orgs.Organization",
    "orgs.PersonalToken",
    "orgs.User",
    "orgs.User_groups",
    "orgs.User_user_permissions",
}
APPS = {"orgs", "billing", "agents", "projects", "deployments"}


def furnish(org: Organization) -> Ground:
    """One of everything that an organization may have, tied together as in life."""
    ground = make_ground(org)
    place = ground.place
    logs.store(ground.job, b"a line\n")
    ground.job.step_runs.create(position=0, name="step", state="running")
    factories.make_override(place.project, ground.config_file, place.environment)
    factories.make_deployment(
        place,
        version=ground.version,
        previous_version=ground.deployment.version,
        retry_of=ground.deployment,
    )
    target = ground.deployment.target
    target.head = target.latest = ground.deployment
    target.save()
    Evaluation.objects.create(version=ground.version)
    webhook = org.webhooks.get()
    event = Event.objects.in_org(org).latest("pk")
    delivery = webhook.deliveries.create(org=org, event=event, verb=event.verb, body=b"{}")
    delivery.attempts.create(number=1)
    AuditSeal.objects.create(org=org, head="0" * 64, mac="0" * 64)
    Icon.objects.create(org=org, digest="0" * 64, png=b"png")
    IdempotencyRecord.objects.create(org=org, key="once", fingerprint="0" * 64)
    return ground


def rows_of(org: Organization) -> dict[type[Model], int]:
    return {model: model._base_manager.filter(**{p: org.pk}).count() for model, p in owned_models()}


def end(org: Organization, by: User, *, typed: str = "Northwind") -> None:
    deletion.delete_organization(org, typed=typed, by=actor_of(by), user_pk=by.pk)


def let_it_end(org: Organization) -> None:
    unfinished = Deployment.objects.in_org(org).unfinished()
    unfinished.update(state=State.SUCCEEDED, finished_at=timezone.now())


def test_every_table_belongs_to_organizations_or_is_known_not_to() -> None:
    owned = {model._meta.label for model, _ in owned_models()}
    everything = {model._meta for model in apps.get_models(include_auto_created=True)}
    ours = {about.label for about in everything if about.app_label in APPS}

    assert ours - owned == NOT_OWNED


@pytest.mark.django_db(transaction=True)
def test_an_organization_goes_with_everything_and_leaves_a_line_in_the_log() -> None:
    """Really committed: what still pointed at something would be refused only then."""
    northwind, southwind = factories.make_org("Northwind"), factories.make_org("Southwind")
    owner = factories.owner_of(northwind)
    key = factories.make_key(northwind)[1]
    ground, theirs = furnish(northwind), furnish(southwind)
    before = rows_of(southwind)
    assert [model.__name__ for model, rows in rows_of(northwind).items() if not rows] == []
    let_it_end(northwind)

    with capture_logs() as lines:
        end(northwind, owner)

    assert not Organization.objects.filter(slug="northwind").exists()
    assert set(rows_of(ground.org).values()) == {0}
    assert rows_of(southwind) == before
    with pytest.raises(KeyRefused):
        authenticate_key(key)
    with pytest.raises(AgentRefused):
        authenticate_agent(ground.place.agent_token)
    assert authenticate_agent(theirs.place.agent_token).org == southwind
    assert User.objects.filter(pk=owner.pk).exists()
    assert lines == [
        {
            "event": "organization deleted",
            "log_level": "warning",
            "org": ground.org.uid,
            "slug": "northwind",
            "name": "Northwind",
            "by": str(owner),
            "actor": owner.uid,
            "address": "",
        }
    ]


def test_it_stays_while_a_deployment_runs(northwind: Organization, olivia: User) -> None:
    ground = make_ground(northwind)

    with pytest.raises(BeingDeployed) as refused, transaction.atomic():
        end(northwind, olivia)

    assert f"is being deployed to {ground.place.environment}" in refused.value.message
    assert Project.objects.in_org(northwind).exists()


def test_what_only_waits_keeps_nothing(northwind: Organization, olivia: User) -> None:
    factories.make_deployment(factories.make_place(northwind), State.QUEUED)

    end(northwind, olivia)

    assert not Organization.objects.exists()


@pytest.mark.parametrize("typed", ["", "northwind", "Southwind"])
def test_its_name_must_be_typed(northwind: Organization, olivia: User, typed: str) -> None:
    with pytest.raises(Invalid), transaction.atomic():
        end(northwind, olivia, typed=typed)

    assert Organization.objects.get() == northwind


@pytest.mark.parametrize("role", [Role.MANAGER, Role.USER, Role.BILLING])
def test_only_an_owner_deletes(northwind: Organization, role: Role) -> None:
    member = factories.make_member(northwind, role)

    with pytest.raises(Forbidden) as refused, transaction.atomic():
        end(northwind, member)

    assert refused.value.right == "organization.*.delete"
    assert Organization.objects.get() == northwind


def test_what_goes_is_counted(northwind: Organization) -> None:
    environments.create_environment(northwind, name="Staging", by=SYSTEM)
    factories.make_application(northwind)
    factories.make_version(factories.make_application(northwind))
    factories.make_key(northwind)

    assert sorted(deletion.contents_of(northwind)) == [
        (1, "API key"),
        (1, "environment"),
        (1, "membership"),
        (1, "version"),
        (2, "applications"),
        (4, "events"),
    ]
