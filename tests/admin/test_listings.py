"""Every model of ours can be looked at, fast and without its secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.models import (
    Attempt,
    Delivery,
    Deployment,
    Evaluation,
    Job,
    LogChunk,
    State,
    StepRun,
    Tick,
)
from hydra import staff
from hydra.staff import Listing, Newest
from orgs.models import (
    SYSTEM,
    AuditSeal,
    Event,
    FailedSignIn,
    Icon,
    IdempotencyRecord,
    Organization,
    PersonalToken,
    User,
)
from orgs.services import events
from tests import factories
from tests.access_ground import Ground, make_ground

pytestmark = pytest.mark.django_db

OURS = ("orgs", "billing", "agents", "projects", "deployments")
MODELS = [model for label in OURS for model in apps.get_app_config(label).get_models()]
CANARY = "canary-of-a-secret"
# Session, person, second factor; then the page's own.
MOST_FOR_A_LIST = 6
MOST_FOR_A_ROW = 6


def name_of(model: type[Model]) -> str:
    return model._meta.label_lower


@pytest.fixture
def ground(northwind: Organization, olivia: User) -> Ground:
    """Northwind with a row of every model, and a canary wherever a secret is kept."""
    ground = make_ground(northwind)
    place = ground.place
    factories.make_override(place.project, ground.config_file, place.environment, CANARY)
    factories.make_variable(northwind, "PASSWORD", CANARY, is_sensitive=True)
    AuditSeal.objects.create(org=northwind, head="0" * 64, mac="0" * 64)
    FailedSignIn.objects.create(email="somebody@northwind.example")
    Icon.objects.create(org=northwind, digest="1c0n" * 16, png=CANARY.encode())
    IdempotencyRecord.objects.create(
        org=northwind, key="once", fingerprint="0" * 64, status=200, body=CANARY.encode()
    )
    PersonalToken.objects.create(
        user=olivia,
        name="laptop",
        digest="d1gest-" + CANARY,
        shown_prefix="hyp_abc",
        last_four="wxyz",
    )
    StepRun.objects.create(job=ground.job, position=0, name="Build", state="running")
    LogChunk.objects.create(job=ground.job, offset=0, length=1, content=CANARY.encode())
    Tick.objects.create(name="sweep")
    evaluation = Evaluation(version=ground.version)
    evaluation.pack("[]")
    evaluation.save()
    event = Event.objects.order_by("pk")[0]
    webhook = northwind.webhooks.get()
    webhook.url = f"https://receiver.example/{CANARY}"
    webhook.save()
    delivery = webhook.deliveries.create(
        org=northwind, event=event, verb=event.verb, body=CANARY.encode()
    )
    Attempt.objects.create(delivery=delivery, number=1, answer=CANARY)
    ground.step.script = ground.config_file.content = CANARY
    ground.step.save()
    ground.config_file.save()
    return ground


def test_every_model_of_ours_is_listed_and_no_other() -> None:
    assert set(admin.site._registry) == set(MODELS)


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_everything_is_called_what_people_call_it(model: type[Model]) -> None:
    options, listing = model._meta, admin.site._registry[model]
    columns = [label_for_field(name, model, listing) for name in listing.list_display]
    fields = [field.verbose_name for field in options.fields]
    said = [options.app_config.verbose_name, options.verbose_name, options.verbose_name_plural]

    words = {word for text in [*said, *columns, *fields] for word in str(text).split()}

    assert words & {"api", "uid", "url", "org", "pk", "Pk", "Orgs", "ms", "id"} == set()


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_a_list_opens_with_few_questions_and_is_searched(
    desk: Client, ground: Ground, model: type[Model]
) -> None:
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")

    with CaptureQueriesContext(connection) as asked:
        answer = desk.get(path)

    assert answer.status_code == 200
    assert model._default_manager.exists()
    assert len(asked) <= MOST_FOR_A_LIST, [query["sql"] for query in asked]
    for term in ("northwind", "nothing-like-this", "' OR 1=1 --"):
        assert desk.get(path, {"q": term}).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_a_row_opens_with_few_questions(desk: Client, ground: Ground, model: type[Model]) -> None:
    row = model._default_manager.order_by("-pk")[0]
    names = f"admin:{model._meta.app_label}_{model._meta.model_name}"

    with CaptureQueriesContext(connection) as asked:
        answer = desk.get(reverse(f"{names}_change", args=[row.pk]))

    assert answer.status_code == 200
    assert len(asked) <= MOST_FOR_A_ROW, [query["sql"] for query in asked]
    assert desk.get(reverse(f"{names}_history", args=[row.pk])).status_code == 200
    assert desk.get(reverse(f"{names}_add")).status_code == 403
    assert desk.post(reverse(f"{names}_delete", args=[row.pk])).status_code == 403


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_no_page_shows_a_secret_or_what_leads_to_one(
    desk: Client, ground: Ground, model: type[Model]
) -> None:
    names = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    secrets = [CANARY, "CANARYSEEDOFATOTP", "md5$", str(desk.cookies)]
    keepers: list[type[Model]] = [User, *MODELS]
    for keeper in keepers:
        for field in keeper._meta.fields:
            if field.name in ("digest", "password"):
                secrets += filter(None, keeper._default_manager.values_list(field.name, flat=True))

    pages = [desk.get(reverse(f"{names}_changelist"))]
    pages += [
        desk.get(reverse(f"{names}_change", args=[row.pk])) for row in model._default_manager.all()
    ]

    assert [page.status_code for page in pages] == [200] * len(pages)
    shown = "".join(page.content.decode() for page in pages)
    assert [secret for secret in secrets if secret in shown] == []


@pytest.mark.parametrize(
    "query",
    ["user/?password__startswith=md5", "apikey/?digest__startswith=", "user/?password__regex=."],
)
def test_no_list_is_narrowed_by_what_it_does_not_show(
    desk: Client, ground: Ground, query: str
) -> None:
    assert desk.get(f"/admin/orgs/{query}").status_code == 400


def test_a_listing_of_one_organization_is_found_by_its_address(
    desk: Client, ground: Ground, southwind: Organization
) -> None:
    events.record(
        org=southwind, by=SYSTEM, verb="theirs.happened", subject=events.Subject("x", "x_1", "x")
    )

    found = desk.get("/admin/orgs/event/", {"q": "southwind"}).content.decode()
    by_id = desk.get("/admin/orgs/event/", {"q": "x_1"}).content.decode()

    assert "theirs.happened" in found
    assert "agent.created" not in found
    assert "theirs.happened" in by_id


def test_a_long_list_is_counted_no_further_than_a_person_leafs(
    desk: Client, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff, "COUNTED", 3)
    place = ground.place
    for _ in range(5):
        factories.make_deployment(place, finished_at=timezone.now() - timedelta(days=1))

    with CaptureQueriesContext(connection) as asked:
        answer = desk.get("/admin/deployments/deployment/")

    counts = [query["sql"] for query in asked if "COUNT(" in query["sql"]]
    assert answer.status_code == 200
    assert len(counts) == 1
    assert "LIMIT 3" in counts[0]
    assert Deployment.objects.count() == 6
    assert Job.objects.count() == 1


def test_a_later_page_shows_what_comes_later(
    desk: Client, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Listing, "list_per_page", 2)
    for _ in range(4):
        factories.make_deployment(ground.place, finished_at=timezone.now())
    keys = list(Deployment.objects.order_by("-pk").values_list("pk", flat=True))

    pages = [desk.get("/admin/deployments/deployment/", {"p": page}) for page in (1, 2, 3)]

    shown = [[row.pk for row in page.context["cl"].result_list] for page in pages]
    assert shown == [keys[:2], keys[2:4], keys[4:]]


def test_a_filter_looks_at_the_newest_rows_alone_and_says_so(
    desk: Client, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = factories.make_deployment(ground.place, finished_at=timezone.now())
    for _ in range(2):
        factories.make_deployment(ground.place, State.CANCELED, finished_at=timezone.now())
    last = factories.make_deployment(ground.place, finished_at=timezone.now())

    def found() -> list[int]:
        page = desk.get("/admin/deployments/deployment/", {"state__exact": "succeeded"})
        assert f"state, of the newest {staff.NEWEST:,}" in page.content.decode()
        return [row.pk for row in page.context["cl"].result_list]

    assert found() == [last.pk, old.pk]
    monkeypatch.setattr(staff, "NEWEST", 3)
    assert found() == [last.pk]


def test_no_filter_of_the_administration_reads_a_long_table(desk: Client, ground: Ground) -> None:
    """What grows with every deployment is filtered by its newest rows, whoever adds a filter."""
    long = (Attempt, Delivery, Deployment, Event, Job, LogChunk, StepRun)

    for model in long:
        filters = admin.site._registry[model].list_filter
        assert all(isinstance(each, tuple) and each[1] is Newest for each in filters), model
