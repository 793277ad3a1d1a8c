"""What is said of deployments: events for the log, and wake-ups for those who wait."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from deployments.models import Deployment, State
from hydra import hints
from orgs.models import Actor, Event
from orgs.services import events

# The verb that says a deployment has come into a state.
VERBS: dict[str, str] = {
    State.SCHEDULED: "deployment.scheduled",
    State.AWAITING_APPROVAL: "deployment.approval_requested",
    State.HELD: "deployment.held",
    State.QUEUED: "deployment.queued",
    State.RUNNING: "deployment.started",
    State.CANCELING: "deployment.canceling",
    State.SUCCEEDED: "deployment.ready",
    State.FAILED: "deployment.failed",
    State.UNKNOWN: "deployment.unknown",
    State.CANCELED: "deployment.canceled",
    State.SUPERSEDED: "deployment.superseded",
    State.EXPIRED: "deployment.expired",
    State.REJECTED: "deployment.rejected",
}


def compose(deployment: Deployment, *, by: Actor, verb: str = "") -> Event:
    """The event that `deployment` has come into its state, not yet saved."""
    return events.compose(
        org=deployment.org,
        by=by,
        verb=verb or VERBS[deployment.state],
        subject=events.Subject("deployment", deployment.uid, str(deployment)),
        data=describe(deployment),
    )


def announce(deployment: Deployment, *, by: Actor, verb: str = "") -> None:
    events.record_all([compose(deployment, by=by, verb=verb)])
    wake_watchers(deployment)


def wake_watchers(deployment: Deployment) -> None:
    """Once this commits, let open pages look again."""
    hints.wake_on_commit("deployment", deployment.uid)
    hints.wake_on_commit("org", str(deployment.org_id))


def describe(deployment: Deployment) -> dict[str, Any]:
    """A deployment as events and webhooks tell of it: the seed's fields, then ours; no secrets."""
    project, application = deployment.project, deployment.application
    return {
        "deployment": {
            "id": deployment.uid,
            "status": deployment.status,
            "branch": deployment.version.name,
            "url": page_url(deployment),
            "state": deployment.state,
            "reason": deployment.reason,
            "sequence": deployment.sequence,
        },
        "project": {"id": project.uid, "name": project.name, "slug": project.code},
        "application": {
            "id": application.uid,
            "name": application.name,
            "code": application.code,
        },
        "environment": {
            "id": deployment.environment.uid,
            "name": deployment.environment.name,
            "slug": deployment.environment.slug,
        },
        "version": {
            "id": deployment.version.uid,
            "name": deployment.version.name,
            "build": deployment.version.build,
            "commit": deployment.version.commit,
        },
    }


def page_url(deployment: Deployment) -> str:
    """Where people see it. Written out, because services know no URL configuration."""
    return f"{settings.HYDRA_URL}/o/{deployment.org.slug}/deployments/{deployment.uid}/"
