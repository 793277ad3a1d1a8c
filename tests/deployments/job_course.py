"""The course of a job, as its agent takes it: requested, taken, begun, reported and ended."""

from __future__ import annotations

from uuid import uuid4

from agents.protocol import StepReport
from deployments.models import Deployment, Job
from deployments.services import jobs, requests
from orgs.models import SYSTEM
from tests import factories
from tests.factories import Place

SESSION = str(uuid4())


def deploy(place: Place, name: str = "v1") -> Deployment:
    return requests.request_deployment(
        project=place.project,
        application=place.application,
        environment=place.environment,
        version=factories.make_version(place.application, name),
        by=SYSTEM,
    )


def take(place: Place) -> Job:
    job = jobs.claim_next(place.agent, session=SESSION)
    assert job is not None
    return job


def run(place: Place) -> Job:
    job = take(place)
    jobs.start(place.agent, job_uid=job.uid, fence=job.fence)
    job.refresh_from_db()
    return job


def finish(place: Place, job: Job, outcome: str = "succeeded", reason: str = "") -> None:
    jobs.finish(
        place.agent,
        job_uid=job.uid,
        fence=job.fence,
        ending=jobs.Ending(outcome=outcome, reason=reason, steps=[]),
    )


def step(position: int, state: str) -> StepReport:
    return StepReport(
        position=position,
        state=state,  # type: ignore[typeddict-item]  # a word of the wire
        attempt=1,
        exit_code=None,
        started_after_ms=0,
        duration_ms=None,
        log_from=0,
        log_to=0,
        reason="",
    )
