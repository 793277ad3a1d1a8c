"""Config files, overrides, variables: parsed when saved, sealed, safe to write to a disk."""

import pytest

from hydra.errors import Invalid
from orgs.models import SYSTEM, Event, Organization
from projects.models import ConfigFile, FileType, Override, Variable
from projects.services import configs, overrides, variables
from tests import factories
from tests.projects.conftest import Shop


def facts(name: str = "app.json", content: str = "{}", **more: str) -> configs.ConfigFacts:
    return configs.ConfigFacts(name=name, content=content, **{"file_type": FileType.JSON, **more})


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../app.env",
        "conf/../../app.env",
        "conf//app.env",
        "conf/",
        "./app.env",
        "..",
        "a\\b.env",
        "..\\app.env",
        "C:app.env",
        "nul\x00.env",
        "line\nbreak",
        "app.env ",
        " app.env",
        "conf /app.env",
        "app.env.",
        "x" * 201,
        "pipe|name",
        "what?",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(northwind: Organization, name: str) -> None:
    application = factories.make_application(northwind)

    with pytest.raises(Invalid) as refusal:
        configs.save_config_file(application, facts=facts(name), by=SYSTEM)

    assert refusal.value.details[0]["location"] == "name"
    assert not application.config_files.exists()


@pytest.mark.parametrize("name", ["app.json", ".env", "conf/app.json", "a b.json", "größe.json"])
def test_a_relative_name_is_kept(northwind: Organization, name: str) -> None:
    application = factories.make_application(northwind)

    file = configs.save_config_file(application, facts=facts(name), by=SYSTEM)

    assert file.name == name
    assert Event.objects.in_org(northwind).filter(verb="config_file.created").count() == 1


def test_content_that_does_not_parse_is_refused_with_line_and_column(
    northwind: Organization,
) -> None:
    application = factories.make_application(northwind)

    with pytest.raises(configs.Unparsable, match="line 2, column") as refusal:
        configs.save_config_file(application, facts=facts(content='{\n"a" 1}'), by=SYSTEM)

    assert (refusal.value.line, refusal.value.details[0]["location"]) == (2, "content")
    assert not application.config_files.exists()


@pytest.mark.parametrize("content", ["x" * (1024 * 1024 + 1), "a\x00b", "half \ud800"])
def test_content_that_no_file_can_have_is_refused(northwind: Organization, content: str) -> None:
    application = factories.make_application(northwind)

    with pytest.raises(Invalid):
        configs.save_config_file(
            application, facts=facts("a.txt", content, file_type=FileType.TXT), by=SYSTEM
        )


def test_a_name_is_used_once_and_is_nobody_elses_folder(northwind: Organization) -> None:
    application = factories.make_application(northwind)
    configs.save_config_file(application, facts=facts("conf"), by=SYSTEM)

    with pytest.raises(configs.ConfigFileExists):
        configs.save_config_file(application, facts=facts("conf"), by=SYSTEM)
    with pytest.raises(configs.ConfigFileExists, match="folder"):
        configs.save_config_file(application, facts=facts("conf/app.json"), by=SYSTEM)
    configs.save_config_file(application, facts=facts("conf", version_pattern="v1.*"), by=SYSTEM)

    assert application.config_files.count() == 2


@pytest.mark.parametrize("pattern", ["", "v1.*"])
def test_a_name_that_differs_in_case_alone_is_the_same_file_on_windows(
    northwind: Organization, pattern: str
) -> None:
    application = factories.make_application(northwind)
    configs.save_config_file(application, facts=facts("Conf/App.json"), by=SYSTEM)

    with pytest.raises(configs.ConfigFileExists, match="one file on Windows"):
        configs.save_config_file(
            application, facts=facts("conf/app.json", version_pattern=pattern), by=SYSTEM
        )
    with pytest.raises(configs.ConfigFileExists, match="folder"):
        configs.save_config_file(application, facts=facts("conf"), by=SYSTEM)

    assert [file.name for file in application.config_files.all()] == ["Conf/App.json"]


def test_a_bad_version_pattern_is_refused(northwind: Organization) -> None:
    application = factories.make_application(northwind)

    with pytest.raises(Invalid) as refusal:
        configs.save_config_file(application, facts=facts(version_pattern="v["), by=SYSTEM)

    assert refusal.value.details[0]["location"] == "version_pattern"


def test_a_base_that_an_override_no_longer_fits_is_refused_and_names_it(shop: Shop) -> None:
    factories.make_override(shop.project, shop.file, shop.environment, "PORT=81\nMODE=x\n")

    with pytest.raises(Invalid, match="override of Web shop in Staging"):
        configs.save_config_file(
            shop.application,
            facts=facts("app.env", "{}", file_type=FileType.JSON),
            config_file=shop.file,
            by=SYSTEM,
        )

    shop.file.refresh_from_db()
    assert shop.file.file_type == FileType.DOTENV


def test_an_override_is_sealed_and_told_without_its_content(shop: Shop) -> None:
    saved = overrides.save_override(
        shop.project,
        config_file=shop.file,
        environment=shop.environment,
        text="PASSWORD=hunter22\n",
        is_sensitive=True,
        by=SYSTEM,
    )

    row = Override.objects.get(pk=saved.pk)
    assert b"hunter22" not in bytes(row.content_sealed)
    assert row.open_content() == "PASSWORD=hunter22\n"
    event = Event.objects.in_org(shop.org).get(verb="override.saved")
    assert "hunter22" not in str(event.data)


def test_saving_an_override_again_replaces_it(shop: Shop) -> None:
    for text in ("PORT=81\n", "PORT=82\n"):
        overrides.save_override(
            shop.project,
            config_file=shop.file,
            environment=shop.environment,
            text=text,
            by=SYSTEM,
        )

    assert [o.open_content() for o in shop.project.overrides.all()] == ["PORT=82\n"]


def test_an_override_that_does_not_parse_or_belongs_nowhere_is_refused(shop: Shop) -> None:
    moon = factories.make_environment(shop.org, "Moon")
    other = factories.make_config_file(factories.make_application(shop.org))

    for file, environment, text in (
        (shop.file, shop.environment, "no equals sign"),
        (shop.file, moon, "PORT=1"),
        (other, shop.environment, "PORT=1"),
    ):
        with pytest.raises(Invalid):
            overrides.save_override(
                shop.project,
                config_file=file,
                environment=environment,
                text=text,
                by=SYSTEM,
            )

    assert not Override.objects.exists()


def test_deleting_a_file_takes_its_overrides_along(shop: Shop) -> None:
    factories.make_override(shop.project, shop.file, shop.environment)

    configs.delete_config_file(shop.file, by=SYSTEM)

    assert (ConfigFile.objects.count(), Override.objects.count()) == (0, 0)


def test_a_variable_is_sealed_replaced_and_told_without_its_value(shop: Shop) -> None:
    for value in ("first-secret", "second-secret"):
        variables.set_variable(
            shop.org, project=shop.project, key="TOKEN", value=value, is_sensitive=True, by=SYSTEM
        )

    row = Variable.objects.get(key="TOKEN")
    assert b"second" not in bytes(row.value_sealed)
    assert row.open_value() == "second-secret"
    verbs = Event.objects.in_org(shop.org).filter(subject_uid=row.uid).order_by("pk")
    assert [event.verb for event in verbs] == ["variable.created", "variable.updated"]
    assert all("secret" not in str(event.data).replace("is_sensitive", "") for event in verbs)


def test_two_variables_of_equal_rank_are_refused(shop: Shop) -> None:
    with pytest.raises(variables.VariableExists):
        variables.add_variable(
            shop.org, project=shop.project, key="GREETING", value="other", by=SYSTEM
        )
    for environment in (None, shop.environment):
        variables.add_variable(
            shop.org, environment=environment, key="GREETING", value="elsewhere", by=SYSTEM
        )

    shop.variable.refresh_from_db()
    assert shop.variable.open_value() == "hello"
    assert Variable.objects.filter(key="GREETING").count() == 3


@pytest.mark.parametrize("key", ["", "1A", "A-B", "A B", "Ä", "A=B", "HYDRA_VERSION", "hydra_x"])
def test_a_key_that_is_no_name_or_is_hydras_own_is_refused(shop: Shop, key: str) -> None:
    with pytest.raises(Invalid) as refusal:
        variables.set_variable(shop.org, project=shop.project, key=key, value="x", by=SYSTEM)

    assert refusal.value.details[0]["location"] == "key"


def test_a_secret_too_short_to_be_struck_out_of_a_log_is_refused_and_says_why(shop: Shop) -> None:
    with pytest.raises(Invalid, match="at least 6 characters"):
        variables.set_variable(
            shop.org, project=shop.project, key="PIN", value="12345", is_sensitive=True, by=SYSTEM
        )
    variables.set_variable(shop.org, project=shop.project, key="PIN", value="12345", by=SYSTEM)

    assert Variable.objects.get(key="PIN").open_value() == "12345"
