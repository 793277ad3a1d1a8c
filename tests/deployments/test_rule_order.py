"""The order of a project's rules: saved whole, told, and it decides between equals."""

from __future__ import annotations

import pytest

from deployments.models import Deployment
from orgs.models import SYSTEM, Event, Organization, User
from orgs.services.environments import OrderChanged, OrderOutdated
from projects.models import AutoDeployRule
from projects.services import rules
from tests import factories
from tests.conftest import signed_in
from tests.deployments.test_versions import receive
from tests.factories import Place

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(northwind: Organization) -> Place:
    return factories.make_place(northwind)


@pytest.fixture
def three(place: Place) -> list[str]:
    """Rules as they arise, one below the other."""
    facts = [
        rules.RuleFacts(place.application, place.environment, pattern=pattern)
        for pattern in ("v.*", "v1.*", "w.*")
    ]
    return [rules.create_rule(place.project, facts=each, by=SYSTEM).uid for each in facts]


def order_of(place: Place) -> list[str]:
    return [rule.uid for rule in place.project.rules.all()]


def test_a_new_rule_is_the_last_also_when_others_went(place: Place, three: list[str]) -> None:
    AutoDeployRule.objects.get(uid=three[0]).delete()
    facts = rules.RuleFacts(place.application, place.environment, pattern="x")

    made = rules.create_rule(place.project, facts=facts, by=SYSTEM)

    assert order_of(place) == [three[1], three[2], made.uid]
    assert made.position == 3


def test_an_order_is_saved_whole_and_told(place: Place, three: list[str]) -> None:
    a, b, c = three

    rules.save_order(place.project, uids=[c, a, b], was=three, by=SYSTEM)

    assert order_of(place) == [c, a, b]
    told = Event.objects.get(verb="rule.reordered")
    assert told.subject_uid == place.project.uid
    assert told.data == {
        "project": place.project.code,
        "before": {"order": [a, b, c]},
        "after": {"order": [c, a, b]},
    }


def test_the_same_order_again_is_no_news(place: Place, three: list[str]) -> None:
    rules.save_order(place.project, uids=three, by=SYSTEM)

    assert order_of(place) == three
    assert not Event.objects.filter(verb="rule.reordered").exists()


@pytest.mark.parametrize("change", ["missing", "twice", "foreign"])
def test_an_order_that_is_not_of_todays_rules_is_refused(
    place: Place, three: list[str], southwind: Organization, change: str
) -> None:
    a, b, c = three
    theirs = factories.make_place(southwind)
    foreign = factories.make_rule(theirs.project, theirs.application, theirs.environment).uid
    uids = {"missing": [c, b], "twice": [c, b, b], "foreign": [c, b, foreign]}[change]

    with pytest.raises(OrderOutdated, match="The rules have changed since"):
        rules.save_order(place.project, uids=uids, by=SYSTEM)

    assert order_of(place) == [a, b, c]


def test_an_order_that_would_undo_anothers_is_refused(place: Place, three: list[str]) -> None:
    a, b, c = three
    rules.save_order(place.project, uids=[b, a, c], by=SYSTEM)

    with pytest.raises(OrderChanged):
        rules.save_order(place.project, uids=[c, a, b], was=[a, b, c], by=SYSTEM)

    assert order_of(place) == [b, a, c]


def test_the_topmost_of_equal_rules_starts_the_version(place: Place, three: list[str]) -> None:
    a, b, c = three
    receive(place, "v1.0.0")

    rules.save_order(place.project, uids=[b, a, c], by=SYSTEM)
    receive(place, "v1.1.0")

    assert [each.rule_uid for each in Deployment.objects.order_by("pk")] == [a, b]


@pytest.mark.parametrize(
    ("button", "moved", "after"),
    [("up", 1, [1, 0, 2]), ("down", 1, [0, 2, 1]), ("up", 0, [0, 1, 2]), ("", 0, [0, 1, 2])],
)
def test_a_button_moves_a_rule_one_place_without_scripts(
    place: Place, three: list[str], max: User, button: str, moved: int, after: list[int]
) -> None:
    address = f"/o/northwind/projects/{place.project.code}/rules/"
    sent = {"uid": three, "was": three, button or "other": three[moved]}

    answer = signed_in(max).post(f"{address}order/", sent)

    assert (answer.status_code, answer["Location"]) == (302, address)
    assert order_of(place) == [three[at] for at in after]


def test_two_who_order_at_once_see_both_orders(place: Place, three: list[str], max: User) -> None:
    a, b, c = three
    client = signed_in(max)
    address = f"/o/northwind/projects/{place.project.code}/rules/order/"
    client.post(address, {"uid": [b, a, c], "was": three})

    asked = client.post(address, {"uid": [c, a, b], "was": three})

    assert asked.status_code == 409
    assert "Somebody else has saved another order" in asked.content.decode()
    assert order_of(place) == [b, a, c]
    client.post(address, {"uid": [c, a, b], "was": [b, a, c]})  # "Save mine anyway"
    assert order_of(place) == [c, a, b]


def test_who_may_not_write_rules_is_offered_no_order(
    place: Place, three: list[str], max: User, uma: User
) -> None:
    address = f"/o/northwind/projects/{place.project.code}/rules/"

    assert 'id="rule-order"' in signed_in(max).get(address).content.decode()
    assert 'form="rule-order"' not in signed_in(uma).get(address).content.decode()
    assert 'form="rule-order"' not in signed_in(max).get("/o/northwind/rules/").content.decode()
    assert order_of(place) == three
