"""What must not go while something is being deployed to it: a place, or a whole organization."""

from __future__ import annotations

from deployments.models import Deployment
from hydra.errors import Conflict
from orgs.models import Organization
from projects.services.departures import Departure


class BeingDeployed(Conflict):
    """A deployment is under way or waits; it is canceled or ends before its place goes."""

    code = "being_deployed"


def require_nothing_under_way(departure: Departure) -> None:
    """Refuse a departure from under a deployment that has not ended, and name it."""
    project = departure.project
    unfinished = Deployment.objects.filter(org=project.org_id).unfinished().filter(project=project)
    if departure.application is not None:
        unfinished = unfinished.filter(application=departure.application)
    if departure.environment is not None:
        unfinished = unfinished.filter(environment=departure.environment)
    found = unfinished.with_names().order_by("pk").first()
    if found is not None:
        raise BeingDeployed(
            f"{found.application} {found.version} is on its way to {found.environment} "
            f"({found.get_state_display().lower()}). Cancel that deployment or let it end first."
        )


def require_nothing_running(org: Organization) -> None:
    """Refuse the end of an organization while an agent carries something out for it."""
    found = Deployment.objects.in_org(org).active().with_names().order_by("pk").first()
    if found is not None:
        raise BeingDeployed(
            f"{found.application} {found.version} is being deployed to {found.environment} of "
            f"{found.project}. Cancel that deployment or let it end first."
        )
