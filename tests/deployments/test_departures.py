"""Nothing is taken away from under a deployment that has not ended."""

import pytest

from deployments.models import Deployment, State
from deployments.services.departures import BeingDeployed
from orgs.models import SYSTEM, Organization
from projects.models import Project
from projects.services import projects
from tests import factories


@pytest.mark.parametrize("state", [State.SCHEDULED, State.QUEUED, State.RUNNING, State.CANCELING])
def test_neither_project_nor_application_nor_environment_leaves_meanwhile(
    northwind: Organization, state: State
) -> None:
    place = factories.make_place(northwind)
    factories.make_deployment(place, state)

    with pytest.raises(BeingDeployed, match="is on its way to"):
        projects.delete_project(place.project, by=SYSTEM)
    with pytest.raises(BeingDeployed):
        projects.disconnect_application(place.project, application=place.application, by=SYSTEM)
    with pytest.raises(BeingDeployed):
        projects.remove_environment(place.project, environment=place.environment, by=SYSTEM)

    assert Project.objects.filter(pk=place.project.pk).exists()
    assert place.project.project_environments.exists()
    assert place.project.project_applications.exists()


def test_other_places_of_the_project_may_leave(northwind: Organization) -> None:
    place = factories.make_place(northwind)
    factories.make_deployment(place, State.RUNNING)
    other = factories.make_environment(northwind)
    projects.add_environment(place.project, environment=other, by=SYSTEM)

    projects.remove_environment(place.project, environment=other, by=SYSTEM)

    assert not place.project.project_environments.filter(environment=other).exists()


def test_history_goes_with_its_project(northwind: Organization) -> None:
    place = factories.make_place(northwind)
    factories.make_deployment(place, State.SUCCEEDED)

    projects.delete_project(place.project, by=SYSTEM)

    assert not Deployment.objects.exists()
