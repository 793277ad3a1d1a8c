"""The pages of deployments: what they show, to whom, and that their cost does not grow."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from deployments.models import Deployment, Job, State, Target
from deployments.services import logs
from orgs.models import Organization, User
from projects.models import FileType
from tests import factories
from tests.conftest import signed_in
from tests.deployments.job_course import deploy, finish, run
from tests.factories import Place

pytestmark = pytest.mark.django_db

CEILING = 20  # queries; the session, the person, the membership and the frame are among them


@pytest.fixture
def place(northwind: Organization) -> Place:
    return factories.make_place(northwind)


def queries(user: User, path: str) -> int:
    client = signed_in(user)
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


def grow(place: Place) -> None:
    """More of everything that a list could be tempted to ask about row by row."""
    for _ in range(3):
        environment = factories.make_environment(place.org)
        for _ in range(3):
            other = factories.make_place(place.org, environment=environment)
            done = deploy(other, "v1")
            finish(other, run(other))
            factories.make_version(other.application, "v2")
            factories.make_deployment(other, State.FAILED)
            assert done.target_id


@pytest.mark.parametrize("path", ["", "deployments/", "deployments/?state=finished"])
def test_lists_ask_the_same_number_of_questions_whatever_their_length(
    place: Place, olivia: User, path: str
) -> None:
    deploy(place)
    grow(place)
    few = queries(olivia, f"/o/northwind/{path}")
    grow(place)

    many = queries(olivia, f"/o/northwind/{path}")

    assert many == few <= CEILING


def test_the_projects_matrix_asks_the_same_whatever_its_history(place: Place, olivia: User) -> None:
    path = f"/o/northwind/projects/{place.project.code}/"
    deploy(place)
    few = queries(olivia, path)
    for n in range(20):
        factories.make_deployment(place, State.SUCCEEDED)
        factories.make_version(place.application, f"v9.0.{n}")

    assert queries(olivia, path) == few <= CEILING


def test_the_matrix_shows_what_runs_and_how_far_behind_it_is(place: Place, olivia: User) -> None:
    deploy(place, "v1.0.0")
    finish(place, run(place))
    factories.make_version(place.application, "v1.1.0")
    factories.make_version(place.application, "v1.2.0")

    page = signed_in(olivia).get(f"/o/northwind/projects/{place.project.code}/").content.decode()

    assert "v1.0.0" in page
    assert "2 behind" in page


def test_the_dialog_shows_the_exact_effect_and_hides_secrets(place: Place, olivia: User) -> None:
    file = factories.make_config_file(place.application, "app.env", "A=1\nKEY=#{KEY}\n")
    factories.make_variable(place.org, "KEY", "hunter2hunter2", is_sensitive=True)
    deploy(place, "v1")
    finish(place, run(place))
    file.content = "A=2\nKEY=#{KEY}\n"
    file.save()
    factories.make_version(place.application, "v2")
    query = f"?application={place.application.code}&environment={place.environment.slug}"

    page = (
        signed_in(olivia)
        .get(f"/o/northwind/projects/{place.project.code}/deploy/{query}")
        .content.decode()
    )

    assert '<tr class="del">' in page
    assert "A=2" in page
    assert "hunter2" not in page
    assert f"Deploy v2 to {place.environment.name}" in page


@pytest.mark.parametrize(
    ("name", "file_type", "content"),
    [
        ("a.json", "JSON", '{"pw": "#{KEY}"}'),
        ("a.xml", "XML", "<a>#{KEY}</a>"),
        ("a.env", "DOTENV", 'PW="#{KEY}"\n'),
        ("a.txt", "TXT", "pw: #{KEY}\n"),
    ],
)
def test_a_secret_is_hidden_however_a_file_spells_it(
    place: Place, olivia: User, name: str, file_type: str, content: str
) -> None:
    factories.make_config_file(place.application, name, content, file_type=FileType(file_type))
    secret = 'CANARY"TAIL<te&$\\x'
    factories.make_variable(place.org, "KEY", secret, is_sensitive=True)
    factories.make_variable(place.org, "SHORT", "CANARY", is_sensitive=True)
    factories.make_version(place.application, "v2")
    query = f"?application={place.application.code}&environment={place.environment.slug}"

    page = (
        signed_in(olivia)
        .get(f"/o/northwind/projects/{place.project.code}/deploy/{query}")
        .content.decode()
    )

    assert "CANARY" not in page
    assert "TAIL" not in page


def test_pressing_deploy_twice_gives_one_deployment(place: Place, olivia: User) -> None:
    version = factories.make_version(place.application)
    client = signed_in(olivia)
    form = {
        "application": place.application.code,
        "environment": place.environment.slug,
        "version": version.uid,
        "form_key": "form_abc",
    }

    answers = [
        client.post(f"/o/northwind/projects/{place.project.code}/deploy/", form) for _ in range(2)
    ]

    deployment = Deployment.objects.get()
    assert [answer["Location"] for answer in answers] == [
        f"/o/northwind/deployments/{deployment.uid}/"
    ] * 2


def test_the_versions_of_an_application_say_where_each_runs_now(
    place: Place, olivia: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    gone, there = (factories.make_version(place.application, name) for name in ("v1", "v2"))
    factories.make_deployment(place, State.SUCCEEDED, version=gone)
    deployment = factories.make_deployment(place, State.SUCCEEDED, version=there)
    Target.objects.filter(pk=deployment.target_id).update(current=deployment)
    client = signed_in(olivia)
    path = f"/o/northwind/applications/{place.application.code}/versions/"
    client.get(path)

    with django_assert_max_num_queries(10):
        rows = client.get(path).content.decode().split("<tr>")

    (of_gone,) = [row for row in rows if ">v1</a>" in row]
    (of_there,) = [row for row in rows if ">v2</a>" in row]
    assert "Nowhere now" in of_gone
    assert f"{place.project} · {place.environment}</a>" in of_there
    assert f"/o/northwind/deployments/{deployment.uid}/" in of_there


def test_a_version_made_by_hand_asks_the_rules_as_ci_does(place: Place, olivia: User) -> None:
    factories.make_rule(place.project, place.application, place.environment, "v.*")

    answer = signed_in(olivia).post(
        f"/o/northwind/applications/{place.application.code}/versions/create/",
        {"name": "v3.0.0", "tags": "stable, hotfix"},
        follow=True,
    )

    deployment = Deployment.objects.get()
    assert deployment.version.tags == ["hotfix", "stable"]
    page = answer.content.decode()
    assert "Fired" in page
    assert deployment.uid in page


def test_a_name_that_is_refused_stands_at_its_field_and_nothing_typed_is_lost(
    place: Place, olivia: User
) -> None:
    answer = signed_in(olivia).post(
        f"/o/northwind/applications/{place.application.code}/versions/create/",
        {"name": "no spaces", "notes": "a long story"},
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "no spaces" in page
    assert "a long story" in page
    assert "A version&#x27;s name has 1 to 128" in page


@pytest.mark.parametrize(
    ("who", "status"), [("olivia", 302), ("max", 302), ("uma", 403), ("bill", 403), ("sam", 404)]
)
def test_who_may_deploy(place: Place, cast: dict[str, User], who: str, status: int) -> None:
    version = factories.make_version(place.application)

    answer = signed_in(cast[who]).post(
        f"/o/northwind/projects/{place.project.code}/deploy/",
        {
            "application": place.application.code,
            "environment": place.environment.slug,
            "version": version.uid,
        },
    )

    assert answer.status_code == status
    assert Deployment.objects.count() == (1 if status == 302 else 0)


@pytest.mark.parametrize(
    ("who", "status"), [("olivia", 302), ("max", 302), ("uma", 403), ("bill", 403), ("sam", 404)]
)
def test_who_may_cancel(place: Place, cast: dict[str, User], who: str, status: int) -> None:
    deployment = deploy(place)

    answer = signed_in(cast[who]).post(f"/o/northwind/deployments/{deployment.uid}/cancel/")

    deployment.refresh_from_db()
    assert answer.status_code == status
    assert deployment.state == (State.CANCELED if status == 302 else State.QUEUED)


def test_markup_in_a_log_is_text_on_the_page(place: Place, olivia: User) -> None:
    deployment = deploy(place)
    job = run(place)
    logs.append(
        place.agent,
        job_uid=job.uid,
        fence=job.fence,
        offset=0,
        content=b"<script>alert(1)</script>\xff\n",
    )

    page = signed_in(olivia).get(f"/o/northwind/deployments/{deployment.uid}/").content

    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert b"<script>alert" not in page


def test_a_log_is_downloaded_byte_for_byte(place: Place, olivia: User) -> None:
    deployment = deploy(place)
    job = run(place)
    content = bytes(range(256)) * 100
    logs.append(place.agent, job_uid=job.uid, fence=job.fence, offset=0, content=content)

    answer = signed_in(olivia).get(
        f"/o/northwind/deployments/{deployment.uid}/jobs/{job.uid}/log.txt"
    )

    assert answer.getvalue() == content
    assert "attachment" in answer["Content-Disposition"]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("deployments/?state=typo", "There is no state “typo”"),
        ("deployments/?environment=typo", "There is no environment “typo”"),
        ("deployments/?project=typo&application=other", "There is no application “other”"),
        ("rules/?project=typo", "There is no project “typo”"),
    ],
)
def test_a_filter_that_names_nothing_is_told_and_leaves_the_list(
    place: Place, olivia: User, address: str, sentence: str
) -> None:
    deployment = deploy(place)
    rule = factories.make_rule(place.project, place.application, place.environment)

    page = signed_in(olivia).get(f"/o/northwind/{address}").content.decode()

    assert sentence in page
    assert (rule.uid if address.startswith("rules") else deployment.uid) in page


def test_the_page_of_another_organizations_job_does_not_exist(
    place: Place, olivia: User, southwind: Organization
) -> None:
    other = factories.make_place(southwind)
    theirs = deploy(other)
    job = Job.objects.get(deployment=theirs)
    mine = deploy(place)
    client = signed_in(olivia)

    for path in (
        f"/o/northwind/deployments/{theirs.uid}/",
        f"/o/northwind/deployments/{theirs.uid}/jobs/{job.uid}/log",
        f"/o/northwind/deployments/{mine.uid}/jobs/{job.uid}/log.txt",
        f"/o/northwind/projects/{other.project.code}/deploy/",
        f"/o/southwind/deployments/{theirs.uid}/",
    ):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize(("who", "may"), [("max", True), ("uma", False)])
def test_an_empty_matrix_offers_its_first_act_to_who_may_do_it(
    northwind: Organization, cast: dict[str, User], who: str, may: bool
) -> None:
    environment = factories.make_environment(northwind, "Staging")
    project = factories.make_project(northwind, code="empty", environments=[environment])
    client = signed_in(cast[who])

    for page in ("/o/northwind/", f"/o/northwind/projects/{project.code}/"):
        shown = client.get(page).content.decode()
        assert "No application" in shown
        assert (f"/projects/{project.code}/settings/#applications" in shown) is may


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by what is there")
@pytest.mark.parametrize("path", ["", "deployments/?state=waiting", "settings/general/delete/"])
def test_what_few_deployments_are_is_found_by_their_state(
    place: Place, olivia: User, path: str
) -> None:
    """In the order of keys, those that are over would all be looked at first."""
    client = signed_in(olivia)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(f"/o/northwind/{path}").status_code == 200

    asked = [query["sql"] for query in seen if '."state" IN' in query["sql"]]
    few = [sql for sql in asked if "SELECT U0" in sql]
    assert few
    for sql in few:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert "deployment_list_by_state" in plan
        assert "deployments_deployment USING INDEX deployment_list (" not in plan


def test_a_cell_names_the_version_that_is_under_way_before_the_one_that_is_there(
    place: Place, olivia: User
) -> None:
    finish(place, run_version(place, "v1"))
    run_version(place, "v2")

    for path in ("", f"projects/{place.project.code}/"):
        page = signed_in(olivia).get(f"/o/northwind/{path}").content.decode()
        hidden = '<span class="visually-hidden">Running: v2. Deployed: </span>'
        assert f'{hidden}<span class="version" data-age="lead">v1</span>' in page


def run_version(place: Place, name: str) -> Job:
    deploy(place, name)
    return run(place)
