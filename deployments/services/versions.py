"""A version arrives: it is stored, the rules are asked, and what they want is queued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from deployments.models import Deployment, Evaluation
from deployments.services import evaluations
from hydra.crash import crashpoint
from hydra.errors import Conflict
from orgs.models import Actor, Event
from orgs.services import events
from projects.models import Application, Version
from projects.services import versions
from projects.services.versions import VersionFacts


@dataclass(frozen=True)
class Reception:
    """The receipt: the version, what was started, and what every rule said."""

    version: Version
    is_new: bool
    deployments: list[Deployment] = field(default_factory=list)
    verdicts: Sequence[evaluations.Verdict] = ()


def receive_version(
    application: Application, *, facts: VersionFacts, by: Actor, is_push: bool = False
) -> Reception:
    """Create a version and deploy it where rules say so, in one transaction.

    The same version again, also at the same moment, gives the first one's receipt and starts
    nothing, so that a pipeline may retry. Of a push the same commit and image are the same version.
    """
    try:
        with transaction.atomic():
            receipt = versions.create_version(application, facts=facts, by=by, is_push=is_push)
            reception = take_in(receipt.version, by=by) if receipt.is_new else None
            crashpoint("version.before_commit")
        crashpoint("version.after_commit")
    except versions.AlreadyThere:
        known = versions.find_version(application, name=facts.name)
        if known is None:  # it was undone or deleted in between
            raise Conflict(
                f"The version {facts.name} is being created by another request: send it again."
            ) from None
        if is_push and not versions.is_said_of(known, facts):  # made by no push, a moment ago
            return receive_version(application, facts=facts, by=by, is_push=True)
        return recall(known)
    return reception or recall(receipt.version)


def take_in(version: Version, *, by: Actor) -> Reception:
    """Ask the rules about a new version and write all that follows, in the transaction at hand."""
    news = [composed_event(version, by=by)]
    verdicts, deployments, more = evaluations.evaluate(version)
    events.record_all(news + more)
    return Reception(version=version, is_new=True, deployments=deployments, verdicts=verdicts)


def composed_event(version: Version, *, by: Actor) -> Event:
    application = version.application
    return events.compose(
        org=application.org,
        by=by,
        verb="version.created",
        subject=events.Subject("version", version.uid, f"{application} {version}"),
        data={
            "application": {
                "id": application.uid,
                "name": application.name,
                "code": application.code,
            },
            "version": {
                "id": version.uid,
                "name": version.name,
                "build": version.build,
                "commit": version.commit,
            },
        },
    )


def recall(version: Version) -> Reception:
    """The receipt of a version that was there before."""
    evaluation = Evaluation.objects.filter(version=version).first()
    started = (
        Deployment.objects.filter(version=version, trigger="rule")
        .with_names()
        .select_related("org")
        .order_by("pk")
    )
    return Reception(
        version=version,
        is_new=False,
        deployments=list(started),
        verdicts=evaluation.verdicts if evaluation is not None else [],
    )
