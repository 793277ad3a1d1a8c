"""A compiled question gives what its queryset gives, however often it is asked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Count, F, Model, QuerySet
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, Presence
from hydra import compiled as module
from hydra.compiled import Change, compiled, compiled_update
from orgs.models import Environment, Organization
from tests import factories

pytestmark = pytest.mark.django_db


@compiled
def environments_of(*, org_id: int) -> QuerySet[Environment]:
    return Environment.objects.filter(org_id=org_id).select_related("org").order_by("name")


@compiled
def environments_named(*, slugs: Collection[str], org_id: int) -> QuerySet[Environment]:
    return Environment.objects.filter(slug__in=slugs, org_id=org_id).order_by("pk")


@compiled
def agents_of_session(*, session: UUID) -> QuerySet[Agent]:
    return Agent.objects.filter(session=session).only("name")


@compiled
def counted(*, slug: str) -> QuerySet[Organization, tuple[str, int]]:
    rows = Organization.objects.filter(slug=slug).annotate(count=Count("environments"))
    return rows.values_list("slug", "count")


@compiled
def annotated(*, slug: str) -> QuerySet[Organization]:
    return Organization.objects.filter(slug=slug).annotate(count=Count("environments"))


@compiled
def locked(*, org_id: int) -> QuerySet[Organization]:
    return Organization.objects.select_for_update().filter(pk=org_id)


def values(model: Model) -> dict[str, Any]:
    return {name: value for name, value in vars(model).items() if name != "_state"}


def test_models_come_as_the_queryset_gives_them_with_their_related_ones() -> None:
    org, other = factories.make_org(), factories.make_org()
    for name in ("Staging", "Development"):
        factories.make_environment(org, name=name)
    factories.make_environment(other, name="Elsewhere")

    for asked in (org, other, org):
        found = environments_of(org_id=asked.pk)
        wanted = list(environments_of.build(org_id=asked.pk))
        assert [values(row) for row in found] == [values(row) for row in wanted]
        assert found[0]._state.adding is False
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert {row.org.name for row in found} == {asked.name}
        assert len(queries) == 0


def test_every_length_of_a_list_is_answered() -> None:
    org = factories.make_org()
    names = [f"stage-{number}" for number in range(module.LONGEST_LIST + 2)]
    for name in names:
        factories.make_environment(org, name=name)

    for length in (0, 1, 2, 1, module.LONGEST_LIST, module.LONGEST_LIST + 2):
        found = environments_named(slugs=names[:length], org_id=org.pk)
        assert [row.slug for row in found] == names[:length]
    assert {row.slug for row in environments_named(slugs=set(names[:3]), org_id=org.pk)} == {
        *names[:3]
    }


def test_an_agent_is_found_by_its_session_and_the_rest_of_it_is_loaded_later() -> None:
    agent, _ = factories.make_agent(factories.make_org())
    Agent.objects.filter(pk=agent.pk).update(session=(session := uuid4()))

    for _ in range(2):
        found = agents_of_session.first(session=session)
        assert found == agent
        assert found is not None
        assert found.get_deferred_fields() >= {"digest", "platform"}
        assert found.digest == agent.digest
    assert agents_of_session.first(session=uuid4()) is None


def test_tuples_and_annotations_come_as_well() -> None:
    org = factories.make_org()
    factories.make_environment(org)
    factories.make_environment(org)

    assert counted(slug=org.slug) == [(org.slug, 2)]
    assert annotated(slug=org.slug)[0].count == 2  # type: ignore[attr-defined]  # annotated
    assert counted(slug="nobody") == []


def test_the_second_time_the_queryset_is_not_built() -> None:
    built = []

    @compiled
    def question(*, slug: str) -> QuerySet[Organization]:
        built.append(slug)
        return Organization.objects.filter(slug=slug)

    for name in ("one", "two", "three"):
        assert question(slug=name) == []
    assert len(built) == 1
    assert built[0] not in {"one", "two", "three"}


def test_a_row_is_locked_in_a_transaction() -> None:
    org = factories.make_org()
    with transaction.atomic():
        assert locked.first(org_id=org.pk) == org


@pytest.mark.django_db(transaction=True)
def test_a_row_is_not_locked_outside_of_one() -> None:
    org = factories.make_org()
    with transaction.atomic():
        assert locked.first(org_id=org.pk) == org
    with pytest.raises(TransactionManagementError):
        locked(org_id=org.pk)


def test_a_question_that_looks_at_its_argument_is_refused() -> None:
    @compiled
    def question(*, slug: str) -> QuerySet[Organization]:
        return Organization.objects.filter(slug=slug.upper())

    with pytest.raises(TypeError, match="did not reach the statement"):
        question(slug="one")


def test_prefetches_are_refused() -> None:
    @compiled
    def question(*, slug: str) -> QuerySet[Organization]:
        return Organization.objects.filter(slug=slug).prefetch_related("environments")

    with pytest.raises(TypeError, match="prefetches"):
        question(slug="one")


@compiled_update
def mark_seen(
    *, names: Collection[str], org_id: int, session: UUID, now: datetime, late: timedelta
) -> Change:
    rows = Agent.objects.filter(name__in=names, org_id=org_id, presence="never")
    return rows, {
        "session": session,
        "session_started_at": now,
        "last_seen_at": Now() + late,
        "max_jobs": F("max_jobs") + 1,
        "presence": "online",
    }


def test_a_change_sets_what_it_says_in_the_rows_it_means_and_counts_them() -> None:
    org, other = factories.make_org(), factories.make_org()
    mine = [factories.make_agent(org, name=name)[0] for name in ("one", "two", "three")]
    theirs, _ = factories.make_agent(other, name="one")
    now, session = timezone.now(), uuid4()

    def mark(*names: str) -> int:
        return mark_seen(
            names=names, org_id=org.pk, session=session, now=now, late=timedelta(hours=3)
        )

    assert [mark(), mark("one", "two"), mark("one", "two"), mark("three")] == [0, 2, 0, 1]

    for agent in mine:
        agent.refresh_from_db()
        assert (agent.session, agent.session_started_at) == (session, now)
        assert (agent.max_jobs, agent.presence) == (5, "online")
        assert agent.last_seen_at is not None
        assert timedelta(hours=2.9) < agent.last_seen_at - now < timedelta(hours=3.1)
    theirs.refresh_from_db()
    assert theirs.session is None


@compiled_update
def set_session(*, pk: int, session: UUID | None, was: str) -> Change:
    return Agent.objects.filter(pk=pk, presence=was), {"session": session}


def test_none_may_be_set() -> None:
    agent, _ = factories.make_agent(factories.make_org())
    session = uuid4()

    for value in (session, None, session):
        assert set_session(pk=agent.pk, session=value, was=Presence.NEVER) == 1
        agent.refresh_from_db()
        assert agent.session == value
    assert set_session(pk=agent.pk, session=None, was=Presence.ONLINE) == 0


def test_a_change_that_needs_a_second_table_is_refused() -> None:
    @compiled_update
    def change(*, name: str) -> Change:
        return Agent.objects.filter(org__name=name), {"is_draining": True}

    with pytest.raises(TypeError, match="one table"):
        change(name="one")
