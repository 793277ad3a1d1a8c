"""Pictures of projects and applications: uploaded, shown, replaced, removed."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from hydra import pictures
from orgs.models import SYSTEM, Event, Icon, Organization, User
from orgs.models.rights import Right, permission
from projects.models import Application, Project
from projects.services import icons, projects
from tests import factories
from tests.api.client import Api, read
from tests.conftest import signed_in
from tests.floor.hostile_pictures import CANARY, HOSTILE, SVG, picture, png_with_text

RED = picture("PNG")
OTHER = picture("JPEG", (64, 64))


@pytest.fixture
def project(northwind: Organization) -> Project:
    return factories.make_project(northwind, "Web shop", code="shop")


@pytest.fixture
def application(northwind: Organization) -> Application:
    return factories.make_application(northwind, "Shop API", code="shop-api")


def upload(client: Client, path: str, content: bytes, name: str = "me.png") -> int:
    file = SimpleUploadedFile(name, content, content_type="image/png")
    return client.post(f"/o/northwind/{path}/icon/", {"icon": file}).status_code


@pytest.mark.parametrize("path", ["projects/shop", "applications/shop-api"])
def test_a_picture_is_uploaded_and_stands_on_cards_and_heads(
    project: Project, application: Application, olivia: User, path: str
) -> None:
    client = signed_in(olivia)

    assert upload(client, path, png_with_text()) == 302

    icon = Icon.objects.get(org=project.org)
    address = f"/o/northwind/icons/{icon.digest}.png"
    for page in (path.partition("/")[0], path, f"{path}/settings"):
        assert f'src="{address}"' in client.get(f"/o/northwind/{page}/").content.decode()
    served = client.get(address)
    assert served.status_code == 200
    assert served.content == bytes(icon.png) == pictures.redraw(RED)
    assert CANARY not in served.content
    kind = "project" if path.startswith("projects") else "application"
    event = Event.objects.get(verb=f"{kind}.icon_changed")
    assert event.data == {"before": {"icon": ""}, "after": {"icon": icon.digest}}


def test_a_picture_is_served_as_nothing_else_and_may_be_kept(
    project: Project, olivia: User
) -> None:
    icons.upload_icon(project, upload=RED, by=SYSTEM)
    assert project.icon is not None

    served = signed_in(olivia).get(f"/o/northwind/icons/{project.icon.digest}.png")

    assert served["Content-Type"] == "image/png"
    assert served["X-Content-Type-Options"] == "nosniff"
    assert served["Cache-Control"] == "private, max-age=31536000, immutable"
    assert served["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_who_has_no_business_there_gets_no_picture(
    project: Project, cast: dict[str, User], southwind: Organization
) -> None:
    icons.upload_icon(project, upload=RED, by=SYSTEM)
    assert project.icon is not None
    name = f"icons/{project.icon.digest}.png"

    assert Client().get(f"/o/northwind/{name}").status_code == 302
    assert signed_in(cast["sam"]).get(f"/o/northwind/{name}").status_code == 404
    assert signed_in(cast["sam"]).get(f"/o/southwind/{name}").status_code == 404
    assert signed_in(cast["bill"]).get(f"/o/northwind/{name}").status_code == 403
    assert upload(signed_in(cast["uma"]), "projects/shop", OTHER) == 403


@pytest.mark.parametrize("name", ["SVG with a script", "GIF", "PNG bomb", "JPEG without its end"])
def test_a_picture_that_is_refused_changes_nothing_and_says_why(
    project: Project, olivia: User, name: str
) -> None:
    client = signed_in(olivia)
    file = SimpleUploadedFile("me.png", HOSTILE[name], content_type="image/png")

    answer = client.post("/o/northwind/projects/shop/icon/", {"icon": file})

    assert answer.status_code == 422
    assert "picture" in answer.content.decode().partition('id="id_icon_error"')[2][:300]
    project.refresh_from_db()
    assert (project.icon, Icon.objects.count()) == (None, 0)
    assert not Event.objects.filter(verb="project.icon_changed").exists()


def test_an_upload_without_a_file_says_so(project: Project, olivia: User) -> None:
    answer = signed_in(olivia).post("/o/northwind/projects/shop/icon/", {})

    assert answer.status_code == 422
    assert "This field is required" in answer.content.decode()


def test_one_picture_is_kept_once_and_goes_when_nothing_shows_it(
    project: Project, application: Application
) -> None:
    icons.upload_icon(project, upload=RED, by=SYSTEM)
    icons.upload_icon(application, upload=RED, by=SYSTEM)
    assert Icon.objects.count() == 1

    icons.upload_icon(project, upload=OTHER, by=SYSTEM)
    assert Icon.objects.count() == 2

    icons.set_icon(application, png=None, by=SYSTEM)
    application.refresh_from_db()
    assert (application.icon, Icon.objects.count()) == (None, 1)


def test_the_same_picture_again_is_no_change(project: Project) -> None:
    icons.upload_icon(project, upload=RED, by=SYSTEM)
    icons.upload_icon(project, upload=RED, by=SYSTEM)

    assert Event.objects.filter(verb="project.icon_changed").count() == 1


def test_a_deleted_projects_picture_goes_with_the_next_change(
    project: Project, application: Application
) -> None:
    icons.upload_icon(project, upload=RED, by=SYSTEM)
    projects.delete_project(project, by=SYSTEM)

    icons.upload_icon(application, upload=OTHER, by=SYSTEM)

    assert Icon.objects.get() == application.icon


def test_another_organizations_pictures_are_left_alone(
    project: Project, southwind: Organization
) -> None:
    theirs = factories.make_project(southwind)
    icons.upload_icon(theirs, upload=RED, by=SYSTEM)
    icons.upload_icon(project, upload=RED, by=SYSTEM)

    icons.set_icon(project, png=None, by=SYSTEM)

    assert Icon.objects.get().org == southwind


def test_a_picture_is_removed_on_the_page(project: Project, olivia: User) -> None:
    icons.upload_icon(project, upload=RED, by=SYSTEM)

    answer = signed_in(olivia).post("/o/northwind/projects/shop/icon/", {"remove": "1"})

    assert answer.status_code == 302
    assert not Icon.objects.exists()


def test_a_name_that_lies_is_not_believed(project: Project, olivia: User) -> None:
    client = signed_in(olivia)

    assert upload(client, "projects/shop", SVG, "me.png") == 422
    assert upload(client, "projects/shop", RED, "../../me.svg") == 302
    assert Icon.objects.get().png[:4] == b"\x89PNG"


def test_the_api_tells_where_the_picture_is(
    project: Project, application: Application, northwind: Organization
) -> None:
    api = Api(factories.make_key(northwind, permissions=[permission(r) for r in Right])[1])
    icons.upload_icon(project, upload=RED, by=SYSTEM)
    assert project.icon is not None

    shown = read(api.get("/api/v1/projects/shop"))["data"]

    assert shown["icon"] == (f"http://127.0.0.1:8000/o/northwind/icons/{project.icon.digest}.png")
    assert read(api.get("/api/v1/applications/shop-api"))["data"]["icon"] is None


def test_pictures_cost_a_list_no_questions(
    northwind: Organization, olivia: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(olivia)
    for number in range(5):
        thing = factories.make_application(northwind)
        icons.upload_icon(thing, upload=picture("PNG", (10 + number, 10)), by=SYSTEM)
    client.get("/o/northwind/applications/")

    with django_assert_max_num_queries(8) as asked:
        client.get("/o/northwind/applications/")

    assert not any('"png"' in query["sql"] for query in asked.captured_queries)
