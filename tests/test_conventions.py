"""House rules that no linter knows. Each carries a line that breaks it and one that keeps it."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ("hydra", "orgs", "billing", "agents", "projects", "deployments")
EDGES = ("views", "api", "admin", "agent_api", "externals", "rpc", "live", "streams", "gate")
MOST_LINES = 400


@dataclass(frozen=True)
class Rule:
    says: str
    where: tuple[str, ...]
    never: str
    bad: str
    good: str


RULES = (
    Rule(
        says="Edges never write: a service does, with its event.",
        where=EDGES,
        never=r"\.(objects\.create|bulk_create|get_or_create|update_or_create|bulk_update)\(",
        bad="    Deployment.objects.create(project=project)",
        good="    requests.request_deployment(project=project, by=actor)",
    ),
    Rule(
        says="Edges do not save or delete rows.",
        where=EDGES,
        never=r"(?<!form)\.(save|delete)\(\)",
        bad="    project.delete()",
        good="    services.delete_project(project, by=request.access.actor)",
    ),
    Rule(
        says="Edges never fetch a row by its key from the whole table.",
        where=EDGES,
        never=r"\.objects\.(all|get|first)\(",
        bad="    Deployment.objects.get(uid=uid)",
        good="    find(Deployment.objects.in_org(request.org), uid)",
    ),
    Rule(
        says="Work for later is hinted on commit, never in the middle of a transaction.",
        where=("services",),
        never=r"\.(delay|apply_async)\(",
        bad="    tasks.run_due.delay('events')",
        good="    hints.wake_on_commit('worker', 'events')",
    ),
    Rule(
        says="Nobody speaks HTTP to foreign addresses but hydra.outbound.",
        where=("services", "views", "api", "models", "tasks"),
        never=r"^\s*(import|from) (requests|httpx|urllib\.request|urllib3|http\.client)\b",
        bad="import httpx",
        good="from hydra import outbound",
    ),
    Rule(
        says="No signals: call the service.",
        where=("",),
        never=r"django\.(db\.models|dispatch).*\b(signals|receiver|Signal)\b",
        bad="from django.db.models.signals import post_save",
        good="from orgs.services import events",
    ),
    Rule(
        says="Models do not override save or delete.",
        where=("models",),
        never=r"^\s+def (save|delete)\(",
        bad="    def save(self, *args, **kwargs):",
        good="    def seal_content(self, text: str) -> None:",
    ),
    Rule(
        says="What a subclass must define is abstract, so that a class without it is never made.",
        where=("",),
        never=r"\bNotImplementedError\b",
        bad="        raise NotImplementedError",
        good="    @abstractmethod",
    ),
    Rule(
        says="Nothing of this workplace or of a machine is named.",
        where=("",),
        never=r"(/root/|/home/[a-z]+/)",
        bad="    path = '/root/hydra'",
        good="    path = settings.HYDRA_HOME",
    ),
)


def sources(*names: str) -> list[Path]:
    """The files of the house whose module or package is one of `names`; "" is every file."""
    return [
        path
        for folder in HOUSE
        for path in python_files(folder)
        if "" in names or path.relative_to(ROOT / folder).with_suffix("").parts[0] in names
    ]


def python_files(folder: str) -> list[Path]:
    """All that people write there: migrations are generated."""
    return [
        path
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.relative_to(ROOT).parts
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_a_rule_catches_its_bad_line_and_passes_its_good_one(rule: Rule) -> None:
    assert re.search(rule.never, rule.bad, re.MULTILINE)
    assert not re.search(rule.never, rule.good, re.MULTILINE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.says)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    broken = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources(*rule.where)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(rule.never, line)
    ]

    assert broken == [], rule.says


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for folder in (*HOUSE, "bench", "tests")
        for path in python_files(folder)
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    ]

    assert long == []


def test_every_template_leaves_scripts_and_styles_to_files() -> None:
    inline = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=\"", line)
    ]

    assert inline == []


def test_no_template_switches_escaping_off() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if re.search(r"\|safe\b|autoescape off", path.read_text())
    ]

    assert found == []


USES_DATABASE = re.compile(r"django_db|\bdb: None|\bnorthwind: ")


def test_what_is_tested_on_one_database_alone_uses_none() -> None:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    said = subprocess.run(
        ["make", "--dry-run", "test-postgres"],
        cwd=ROOT,
        env=quiet,
        capture_output=True,
        check=True,
        text=True,
    )
    files = [ROOT / name for name in re.findall(r"--ignore=(\S+)", said.stdout)]

    assert len(files) > 20
    others = [file for file in files if file != Path(__file__)]
    assert [file.name for file in others if USES_DATABASE.search(file.read_text())] == []
