"""What a parked agent is told: a job with all it needs, or what to stop."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from django.conf import settings

from agents import protocol
from agents.models import Agent
from deployments.models import Job
from deployments.services import jobs
from projects.services.rendering import Content

KEEP_RELEASES = 5


@dataclass(frozen=True)
class Poll:
    """What an agent says when it asks for work."""

    session: str
    free: int
    running: Sequence[str]
    canceling: Sequence[str]


def answer(agent: Agent, poll: Poll) -> protocol.PollAnswer | None:
    """What there is to say to the agent now; None when it may wait.

    Suspended if its organization is: then there is no work to wait for.
    """
    canceled = set(poll.running) - set(poll.canceling)
    if canceled:
        stop = [uid for _, uid in jobs.canceled_jobs(agent_ids=[agent.pk]) if uid in canceled]
        if stop:
            return {"job": None, "cancel": stop}
    if poll.free < 1:
        return None
    agent.org.require_active()  # what runs is canceled, reported and finished all the same
    job = jobs.claim_next(agent, session=poll.session, holding=poll.running)
    return None if job is None else {"job": compose(job), "cancel": []}


def compose(job: Job) -> protocol.JobOffer:
    """A job as it goes over the wire, with the secrets that its steps need and no others."""
    deployment = job.deployment
    content = cast("Content", deployment.snapshot.open_content())
    return {
        "id": job.uid,
        "fence": job.fence,
        "lease_s": settings.HYDRA_LEASE_SECONDS,
        "deployment": deployment.uid,
        "project": deployment.project.code,
        "application": deployment.application.code,
        "environment": deployment.environment.slug,
        "version": deployment.version.name,
        "build": deployment.version.build,
        "steps": cast("list[protocol.StepOffer]", content["steps"]),
        "files": [
            {
                "name": file["name"],
                "content_b64": base64.b64encode(file["content"].encode()).decode(),
            }
            for file in content["files"]
        ],
        "env": {**content["env"], "HYDRA_DEPLOYMENT_ID": deployment.uid},
        "secrets": content["secrets"],
        "keep": KEEP_RELEASES,
    }
