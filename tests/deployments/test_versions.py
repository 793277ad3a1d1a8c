"""A version arrives: what is stored, what the rules say, what is queued."""

from __future__ import annotations

import pytest

from deployments.models import Deployment, Evaluation, Job, JobState, State
from deployments.services import sweeps, versions
from hydra.errors import Invalid
from orgs.models import SYSTEM, Event
from projects.models import Version
from projects.services.versions import VersionFacts
from tests import factories
from tests.factories import Place

pytestmark = pytest.mark.django_db


def receive(place: Place, name: str, **facts: object) -> versions.Reception:
    place.application.refresh_from_db()
    return versions.receive_version(
        place.application,
        facts=VersionFacts(name=name, **facts),  # type: ignore[arg-type]  # by name, as written
        by=SYSTEM,
    )


def make_ruled_place(pattern: str = "", **rule: object) -> Place:
    place = factories.make_place()
    factories.make_rule(place.project, place.application, place.environment, pattern, **rule)
    return place


def test_a_version_that_a_rule_matches_is_queued_with_snapshot_job_and_verdict() -> None:
    place = make_ruled_place(r"v[0-9]+\.[0-9]+\.[0-9]+")

    reception = receive(place, "v1.2.3")

    deployment = Deployment.objects.get()
    assert reception.is_new
    assert reception.deployments == [deployment]
    assert deployment.state == State.QUEUED
    assert deployment.target.head == deployment
    assert deployment.snapshot.summary["agents"] == [place.agent.uid]
    assert Job.objects.get().state == JobState.READY
    assert [(v["fired"], v["deployment"]) for v in reception.verdicts] == [(True, deployment.uid)]
    assert Evaluation.objects.get().verdicts == reception.verdicts


def test_the_whole_name_must_match() -> None:
    place = make_ruled_place("v1")

    reception = receive(place, "v1.2")

    assert reception.deployments == []
    assert reception.verdicts[0]["reason"] == "v1.2 does not match v1."


@pytest.mark.parametrize(
    "name", ["pkg@1.2.3", "feature#1", "dependabot/npm_and_yarn/@types/node-1", "é", "a=b,c!d%e~f"]
)
def test_verdicts_tell_of_a_version_that_is_named_like_a_branch_of_git(name: str) -> None:
    place = make_ruled_place("v1")

    reception = receive(place, name)

    assert reception.verdicts[0]["reason"] == f"{name} does not match v1."
    assert Evaluation.objects.get().verdicts == reception.verdicts


def test_an_empty_pattern_matches_every_name() -> None:
    place = make_ruled_place("")

    assert len(receive(place, "anything").deployments) == 1


def test_a_rule_that_is_switched_off_does_not_fire_and_says_so() -> None:
    place = make_ruled_place("", is_enabled=False)

    reception = receive(place, "v1")

    assert reception.deployments == []
    assert reception.verdicts[0]["reason"] == "The rule is switched off."


def test_the_same_version_again_gives_the_first_receipt_and_starts_nothing() -> None:
    place = make_ruled_place("")
    first = receive(place, "v1")

    again = receive(place, "v1")

    assert not again.is_new
    assert again.version == first.version
    assert again.deployments == first.deployments
    assert again.verdicts == first.verdicts
    assert (Version.objects.count(), Deployment.objects.count()) == (1, 1)


def test_a_moving_name_is_built_anew_each_time() -> None:
    place = make_ruled_place("")

    builds = [receive(place, "main").version.build for _ in range(3)]

    assert builds == [1, 2, 3]
    assert Deployment.objects.count() == 3


def test_a_moving_name_with_a_commit_that_was_built_is_a_repeat() -> None:
    place = make_ruled_place("")
    first = receive(place, "main", commit="abc123")
    receive(place, "main", commit="def456")

    again = receive(place, "main", commit="abc123")

    assert not again.is_new
    assert again.version == first.version
    assert Version.objects.count() == 2


def test_a_name_that_is_no_version_name_is_refused_and_nothing_stays() -> None:
    place = make_ruled_place("")

    with pytest.raises(Invalid, match="A version's name has"):
        receive(place, "v1; rm -rf /")

    assert not Version.objects.exists()
    assert not Event.objects.filter(verb="version.created").exists()


def test_several_rules_for_one_place_fire_once_and_the_smallest_delay_wins() -> None:
    place = make_ruled_place("", delay_minutes=60)
    quick = factories.make_rule(place.project, place.application, place.environment, "v.*")

    reception = receive(place, "v1")

    assert [d.rule_uid for d in reception.deployments] == [quick.uid]
    assert [v["fired"] for v in reception.verdicts] == [True, True]
    assert {v["deployment"] for v in reception.verdicts} == {reception.deployments[0].uid}


def test_a_delayed_rule_schedules_and_the_sweep_queues_it_when_it_is_due() -> None:
    place = make_ruled_place("", delay_minutes=30)
    (deployment,) = receive(place, "v1").deployments
    assert deployment.state == State.SCHEDULED
    assert sweeps.make_due() == 0

    Deployment.objects.update(due_at=deployment.created_at)
    sweeps.make_due()

    deployment.refresh_from_db()
    assert deployment.state == State.QUEUED
    assert Job.objects.get().state == JobState.READY


def test_a_rule_whose_environment_left_the_project_is_dead() -> None:
    place = make_ruled_place("")
    place.project.project_environments.all().delete()

    reception = receive(place, "v1")

    assert reception.deployments == []
    assert reception.verdicts[0]["reason"] == (
        "The environment has left the project: the rule is dead."
    )


def test_a_rule_does_not_put_an_older_version_over_a_newer_one() -> None:
    place = make_ruled_place("")
    receive(place, "v1.4.0")

    reception = receive(place, "v1.3.9")

    assert reception.deployments == []
    assert reception.verdicts[0]["reason"] == "v1.3.9 is older than v1.4.0, which is there."


def test_a_rule_that_allows_it_puts_an_older_version_over_a_newer_one() -> None:
    place = make_ruled_place("", allows_older=True)
    receive(place, "v1.4.0")

    assert len(receive(place, "v1.3.9").deployments) == 1


def test_the_latest_strategy_passes_over_a_version_that_is_not_the_newest() -> None:
    place = make_ruled_place("", strategy="latest", allows_older=True)
    factories.make_version(place.application, "v2.0.0")

    reception = receive(place, "v1.9.9")

    assert reception.deployments == []
    assert reception.verdicts[0]["reason"] == "v2.0.0 is newer."


def test_the_latest_strategy_fires_for_the_newest_version() -> None:
    place = make_ruled_place("", strategy="latest")
    factories.make_version(place.application, "v1.0.0")

    assert len(receive(place, "v1.0.1").deployments) == 1


def test_an_unknown_name_in_a_config_file_refuses_the_deployment_and_keeps_the_version() -> None:
    place = make_ruled_place("")
    factories.make_config_file(place.application, "app.env", "A=1\nURL=#{NOWHERE}\n")

    reception = receive(place, "v1")

    assert reception.deployments == []
    assert Version.objects.count() == 1
    assert "NOWHERE" in reception.verdicts[0]["reason"]
    assert "app.env" in reception.verdicts[0]["reason"]
    assert not Deployment.objects.exists()


def test_a_version_that_came_without_decisions_gets_them_by_the_sweep_once() -> None:
    place = make_ruled_place("")
    version = factories.make_version(place.application, "v1")

    sweeps.evaluate_versions()
    sweeps.evaluate_versions()

    assert Deployment.objects.get().version == version
    assert Evaluation.objects.count() == 1


def test_what_happened_stands_in_the_log_of_events() -> None:
    place = make_ruled_place("")
    receive(place, "v1")

    verbs = list(
        Event.objects.filter(subject_kind__in=["version", "deployment"])
        .order_by("pk")
        .values_list("verb", flat=True)
    )

    assert verbs == ["version.created", "deployment.queued"]
