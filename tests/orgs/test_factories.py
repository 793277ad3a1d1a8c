"""The builders build what the database accepts."""

from deployments.models import Deployment, State
from orgs.models import Organization, User
from tests import factories


def test_a_deployment_can_be_made_in_every_state(northwind: Organization) -> None:
    place = factories.make_place(northwind)
    running = {State.RUNNING, State.CANCELING}  # of these a target has at most one
    for state in set(State) - running:
        factories.make_deployment(place, state)
    factories.make_deployment(place, State.RUNNING)

    assert Deployment.objects.in_org(northwind).count() == len(State) - 1


def test_the_cast_is_who_it_says(cast: dict[str, User], northwind: Organization) -> None:
    roles = dict(northwind.memberships.values_list("user__email", "role"))

    assert roles == {
        "olivia@northwind.example": "ORG_OWNER",
        "max@northwind.example": "ORG_MANAGER",
        "uma@northwind.example": "ORG_USER",
        "bill@northwind.example": "ORG_BILLING",
    }


def test_everything_else_can_be_made(northwind: Organization) -> None:
    place = factories.make_place(northwind)
    config_file = factories.make_config_file(place.application)
    override = factories.make_override(place.project, config_file, place.environment, "A=1\n")
    variable = factories.make_variable(northwind, "TOKEN", "s3cret")
    webhook, secret = factories.make_webhook(northwind)
    factories.make_rule(place.project, place.application, place.environment, "v.*")
    factories.make_invite(northwind)
    factories.make_key(northwind)

    assert override.open_content() == "A=1\n"
    assert variable.open_value() == "s3cret"
    assert webhook.open_secret() == secret
