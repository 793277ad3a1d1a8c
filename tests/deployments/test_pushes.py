"""A branch is pushed: what is built of it, and what is deployed."""

from __future__ import annotations

import pytest

from deployments.models import Deployment, State
from deployments.services import pushes, versions
from deployments.services.pushes import Push
from orgs.models import SYSTEM
from projects.models import Version
from projects.services.versions import VersionFacts
from tests import factories
from tests.deployments.job_course import finish, run
from tests.factories import Place
from tests.together import outcomes_at_once

pytestmark = pytest.mark.django_db

BRANCH = "feature/cart"


def push(place: Place, branch: str = BRANCH, *, commit: str = "", image: str = "") -> Deployment:
    wish = pushes.Wish(place.project, place.application, place.environment)
    return pushes.deploy_branch(wish, push=Push(branch, commit=commit, image=image), by=SYSTEM)


def built() -> list[tuple[int, str, str]]:
    """The number, commit and image of every build."""
    return list(Version.objects.order_by("build").values_list("build", "commit", "image"))


@pytest.mark.parametrize("branch", [BRANCH, "main", "v1.0.0"])
def test_another_image_of_a_branch_is_another_build_and_is_deployed(branch: str) -> None:
    place = factories.make_place()
    first = push(place, branch, commit="aaa", image="app:1")

    second = push(place, branch, commit="aaa", image="app:2")

    assert built() == [(1, "aaa", "app:1"), (2, "aaa", "app:2")]
    assert (second.version.build, second.version.image) == (2, "app:2")
    assert (first.state, second.state) == (State.QUEUED, State.QUEUED)
    assert second.target.head == first


@pytest.mark.parametrize("branch", [BRANCH, "main"])
def test_another_commit_of_a_branch_is_another_build_and_is_deployed(branch: str) -> None:
    place = factories.make_place()
    push(place, branch, commit="aaa")

    second = push(place, branch, commit="bbb")

    assert built() == [(1, "aaa", ""), (2, "bbb", "")]
    assert second.version.commit == "bbb"


def test_what_went_back_to_an_older_commit_is_built_again() -> None:
    place = factories.make_place()
    for commit in ("aaa", "bbb"):
        push(place, commit=commit)

    third = push(place, commit="aaa")

    assert (third.version.build, third.version.commit) == (3, "aaa")


@pytest.mark.parametrize("branch", [BRANCH, "main"])
def test_the_same_commit_and_image_again_are_one_version_and_one_deployment(branch: str) -> None:
    place = factories.make_place()
    first = push(place, branch, commit="aaa", image="app:1")

    again = push(place, branch, commit="aaa", image="app:1")

    assert again == first
    assert built() == [(1, "aaa", "app:1")]
    assert Deployment.objects.count() == 1


def test_the_same_again_after_its_end_is_the_same_version_deployed_again() -> None:
    place = factories.make_place()
    first = push(place, image="app:1")
    finish(place, run(place))

    again = push(place, image="app:1")

    assert again != first
    assert again.version == first.version


def test_a_branch_without_commit_and_image_is_its_newest_build() -> None:
    place = factories.make_place()
    for image in ("app:1", "app:2"):
        push(place, image=image)

    third = push(place)

    assert (third.version.build, third.version.image) == (2, "app:2")
    assert Version.objects.count() == 2


def test_a_rule_that_wants_the_new_build_there_deploys_it_once() -> None:
    place = factories.make_place()
    factories.make_rule(place.project, place.application, place.environment, "")
    place.application.refresh_from_db()
    push(place, image="app:1")

    second = push(place, image="app:2")

    assert (second.version.build, second.trigger) == (2, "rule")
    assert Deployment.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_one_push_sent_ten_times_at_once_is_one_build_and_one_deployment() -> None:
    place = factories.make_place()
    push(place, image="app:1")

    got = outcomes_at_once(10, lambda _: push(place, image="app:2"))

    assert {one.pk for one in got if isinstance(one, Deployment)} == {
        Deployment.objects.get(version__build=2).pk
    }
    assert built() == [(1, "", "app:1"), (2, "", "app:2")]


@pytest.mark.django_db(transaction=True)
def test_no_push_is_lost_to_a_pipeline_that_creates_the_same_name_at_once() -> None:
    place = factories.make_place()
    facts = VersionFacts(name=BRANCH)

    def act(number: int) -> None:
        if number % 2:
            push(place, image=f"app:{number}")
        else:
            versions.receive_version(place.application, facts=facts, by=SYSTEM)

    outcomes_at_once(8, act)

    images = {image for _, _, image in built()}
    assert {f"app:{number}" for number in (1, 3, 5, 7)} <= images
    assert [build for build, _, _ in built()] == list(range(1, len(built()) + 1))
