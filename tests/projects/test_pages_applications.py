"""What the pages of applications, steps and rules do."""

from __future__ import annotations

import pytest
from django.test import Client

from orgs.models import Organization, User
from projects.models import Application, AutoDeployRule, StepType
from tests import factories
from tests.conftest import signed_in
from tests.projects.conftest import Shop


@pytest.fixture
def manager(max: User) -> Client:
    return signed_in(max)


def test_an_application_gets_its_code_from_its_name(
    manager: Client, northwind: Organization
) -> None:
    answer = manager.post("/o/northwind/applications/new/", {"name": "Zahlung & Größe"})

    assert answer["Location"] == "/o/northwind/applications/zahlung-groe/"


def test_a_config_file_with_a_mistake_is_shown_as_typed_with_its_line(
    manager: Client, shop: Shop
) -> None:
    typed = {"name": "app.json", "file_type": "JSON", "content": '{\r\n  "a": 1,\r\n}'}

    answer = manager.post(shop.path("{application}/configurations/new/"), typed)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'data-error-line="3"' in page
    assert "Line 3, column 1" in page
    assert "&quot;a&quot;: 1," in page
    assert shop.application.config_files.count() == 1


def test_a_path_that_escapes_is_refused_at_its_field(manager: Client, shop: Shop) -> None:
    answer = manager.post(
        shop.path("{application}/configurations/new/"),
        {"name": "../../etc/passwd", "file_type": "TXT", "content": "x"},
    )

    assert answer.context["form"].errors.keys() == {"name"}
    assert shop.application.config_files.count() == 1


def test_a_config_file_is_changed_without_carriage_returns_and_deleted(
    manager: Client, shop: Shop
) -> None:
    manager.post(
        shop.path("{application}/configurations/{file}/"),
        {"name": "app.env", "file_type": "DOTENV", "content": "A=1\r\nB=2\r\n"},
    )
    shop.file.refresh_from_db()
    assert shop.file.content == "A=1\nB=2\n"

    manager.post(shop.path("{application}/configurations/{file}/delete/"))

    assert not shop.application.config_files.exists()


def test_the_deploy_script_keeps_its_spaces_and_loses_carriage_returns(
    manager: Client, shop: Shop
) -> None:
    manager.post(
        shop.path("{application}/deploy-script/"), {"deploy_script": "set -eu\r\n  echo a \r\n"}
    )

    shop.application.refresh_from_db()
    assert shop.application.deploy_script == "set -eu\n  echo a \n"


def test_a_custom_step_is_added_edited_and_deleted(manager: Client, shop: Shop) -> None:
    facts = {
        "name": "Migrate",
        "type": "python",
        "script": "print(1)",
        "timeout_seconds": 30,
        "retries": 1,
        "backoff_seconds": 2,
        "run_when": 'environment == "staging"',
        "needs": [shop.step.uid],
        "safe_to_repeat": "on",
    }
    manager.post(shop.path("{application}/steps/new/"), facts)
    step = shop.application.steps.get(name="Migrate")
    assert (step.type, step.needs, step.safe_to_repeat) == ("python", [shop.step.uid], True)

    page = shop.path("{application}/steps/") + f"{step.uid}/"
    bad = manager.post(page, {**facts, "run_when": "environment ="})
    assert bad.context["form"].errors.keys() == {"run_when"}
    assert "print(1)" in bad.content.decode()
    manager.post(page, {**facts, "name": "Migrated"})
    manager.post(f"{page}delete/")

    assert [step.name for step in shop.application.steps.all()] == ["Release"]


def test_a_step_from_a_template_has_typed_parameters(manager: Client, shop: Shop) -> None:
    page = shop.path("{application}/steps/new/?template=health_check")
    facts = {
        "name": "Check",
        "timeout_seconds": 60,
        "retries": 0,
        "backoff_seconds": 1,
        "run_when": "success",
        "parameters.url": "https://shop.example",
        "parameters.status": "204",
        "parameters.attempts": "3",
        "parameters.pause": "1",
        "parameters.limit": "2",
    }

    bad = manager.post(page, {**facts, "parameters.status": "9000"})
    good = manager.post(page, facts)

    assert (bad.status_code, good.status_code) == (422, 302)
    step = shop.application.steps.get(name="Check")
    assert (step.type, step.template) == (StepType.TEMPLATE, "health_check")
    assert step.parameters["status"] == "204"
    edited = manager.get(shop.path("{application}/steps/") + f"{step.uid}/")
    assert "https://shop.example" in edited.content.decode()


def test_an_unknown_template_is_not_found(manager: Client, shop: Shop) -> None:
    assert manager.get(shop.path("{application}/steps/new/?template=nope")).status_code == 404


def test_steps_are_moved_by_buttons_and_by_drag(manager: Client, shop: Shop) -> None:
    second = factories.make_step(shop.application, "Second", "true")
    third = factories.make_step(shop.application, "Third", "true")
    uids = [shop.step.uid, second.uid, third.uid]
    page = shop.path("{application}/steps/order/")

    def names() -> list[str]:
        return [step.name for step in shop.application.steps.all()]

    manager.post(page, {"uid": uids, "down": shop.step.uid})
    assert names() == ["Second", "Release", "Third"]
    manager.post(page, {"uid": [third.uid, second.uid, shop.step.uid]})
    assert names() == ["Third", "Second", "Release"]
    manager.post(page, {"uid": [third.uid, second.uid, shop.step.uid], "up": third.uid})
    assert names() == ["Third", "Second", "Release"]


def test_an_order_that_is_out_of_date_is_refused_with_a_sentence(
    manager: Client, shop: Shop
) -> None:
    answer = manager.post(shop.path("{application}/steps/order/"), {"uid": ["stp_gone"]})

    assert answer.status_code == 409
    assert "have changed since this page was opened" in answer.content.decode()


def test_a_version_is_blocked_with_a_reason_and_unblocked(manager: Client, shop: Shop) -> None:
    page = shop.path("{application}/versions/{version}/block/")

    empty = manager.post(page, {"reason": " "})
    manager.post(page, {"reason": "loses carts"})
    shop.version.refresh_from_db()
    assert (empty.status_code, shop.version.blocked_reason) == (422, "loses carts")
    manager.post(page, {"reason": "", "lift": "yes"})

    shop.version.refresh_from_db()
    assert shop.version.blocked_reason == ""


def test_versions_are_found_by_name_commit_and_tag(manager: Client, shop: Shop) -> None:
    factories.make_version(shop.application, "v2", commit="abc123", tags=["nightly"])

    for query in ("v2", "abc", "nightly"):
        page = manager.get(shop.path("{application}/versions/"), {"q": query})
        assert [version.name for version in page.context["page"].object_list] == ["v2"]


def test_an_application_in_use_is_not_deleted_and_says_why(manager: Client, shop: Shop) -> None:
    answer = manager.post(shop.path("{application}/delete/"), {"typed": "Shop API"})

    assert answer.status_code == 422
    assert "Web shop" in answer.content.decode()
    assert Application.objects.filter(pk=shop.application.pk).exists()


# --- Rules -----------------------------------------------------------------------------------


def rule_facts(shop: Shop, **changes: str) -> dict[str, str]:
    return {
        "application": shop.application.code,
        "environment": shop.environment.slug,
        "strategy": "regex",
        "pattern": "v[0-9]+",
        "delay": "2",
        "unit": "hours",
        "is_enabled": "on",
        **changes,
    }


def test_a_rule_is_created_with_a_delay_in_hours(manager: Client, shop: Shop) -> None:
    answer = manager.post(shop.path("{project}/rules/new/"), rule_facts(shop, pattern="release-.*"))

    assert answer.status_code == 302
    assert AutoDeployRule.objects.get(pattern="release-.*").delay_minutes == 120


def test_a_bad_pattern_is_refused_at_its_field_with_its_value_kept(
    manager: Client, shop: Shop
) -> None:
    before = AutoDeployRule.objects.count()

    answer = manager.post(shop.path("{project}/rules/new/"), rule_facts(shop, pattern="v(?=1)"))

    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {"pattern"}
    page = answer.content.decode()
    assert "v(?=1)" in page
    assert "Look-around" in page
    assert AutoDeployRule.objects.count() == before


def test_a_rule_is_edited_switched_and_deleted(manager: Client, shop: Shop) -> None:
    manager.post(shop.path("{rule}/"), rule_facts(shop, pattern="main", strategy="exact"))
    manager.post(shop.path("{rule}/switch/"), {})
    shop.rule.refresh_from_db()
    assert (shop.rule.pattern, shop.rule.strategy, shop.rule.is_enabled) == (
        "main",
        "exact",
        False,
    )
    back = manager.post(shop.path("{rule}/switch/"), {"is_enabled": "on", "from": "all"})
    assert back["Location"] == "/o/northwind/rules/"
    manager.post(shop.path("{rule}/delete/"))

    assert not AutoDeployRule.objects.filter(pk=shop.rule.pk).exists()


def test_all_rules_are_filtered(manager: Client, shop: Shop) -> None:
    other = factories.make_project(
        shop.org, "Other", environments=[shop.environment], applications=[shop.application]
    )
    factories.make_rule(other, shop.application, shop.environment, "nightly", is_enabled=False)

    def found(**query: str) -> list[str]:
        page = manager.get(shop.path("rules/"), query)
        return [rule.pattern for rule in page.context["page"].object_list]

    assert found() == ["nightly", "v[0-9]+"]
    assert found(q="night") == ["nightly"]
    assert found(project="web-shop") == ["v[0-9]+"]
    assert found(enabled="on") == ["v[0-9]+"]
    assert found(environment="nowhere") == ["nightly", "v[0-9]+"]


def test_the_simulator_answers_on_a_page(manager: Client, shop: Shop) -> None:
    page = manager.get(
        shop.path("rules/simulate/"), {"application": "shop-api", "version": "v1.2"}
    ).content.decode()

    assert "0 of 1 rule would deploy" in page
    assert "only “v1” does" in page


def test_the_simulator_asks_for_what_is_missing(manager: Client, shop: Shop) -> None:
    assert manager.get(shop.path("rules/simulate/")).status_code == 422
