"""What a deployment costs in statements, from its version to its end: ceilings, not timings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from deployments.models import Deployment, State
from deployments.services import jobs, versions
from orgs.models import SYSTEM
from projects.services.versions import VersionFacts
from tests import factories
from tests.factories import Place

pytestmark = pytest.mark.django_db

SESSION = str(uuid4())
# A test's own transaction adds savepoints.
NO_WORK = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


@contextmanager
def at_most(count: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as asked:
        yield
    said = [query["sql"] for query in asked if not query["sql"].startswith(NO_WORK)]
    assert len(said) <= count, "\n".join(said)


def receive(place: Place, name: str) -> None:
    versions.receive_version(place.application, facts=VersionFacts(name=name), by=SYSTEM)


def deploy_once(place: Place, name: str, *, creating: int = 15) -> None:
    """One deployment as a rule and an agent make it."""
    with at_most(creating):
        receive(place, name)
    with at_most(3):
        job = jobs.claim_next(place.agent, session=SESSION)
    assert job is not None
    with at_most(5):
        jobs.start(place.agent, job_uid=job.uid, fence=job.fence)
    ending = jobs.Ending(outcome="succeeded", reason="", steps=[])
    with at_most(8):
        jobs.finish(place.agent, job_uid=job.uid, fence=job.fence, ending=ending)


def test_a_deployment_costs_the_same_however_many_came_before() -> None:
    place = factories.make_place()
    factories.make_step(place.application, "Only step")
    factories.make_rule(place.project, place.application, place.environment)

    deploy_once(place, "v0", creating=19)  # the rules are compiled, the cell is made

    for number in range(1, 5):
        deploy_once(place, f"v{number}")

    states = Deployment.objects.values_list("state", flat=True)
    assert list(states) == [State.SUCCEEDED] * 5
