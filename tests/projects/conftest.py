"""A furnished project, which the pages are tested on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agents.models import Agent
from orgs.models import SYSTEM, Environment, Organization
from projects.models import (
    Application,
    AutoDeployRule,
    ConfigFile,
    Project,
    Step,
    Variable,
    Version,
)
from tests import factories


@dataclass
class Shop:
    """A project of Northwind with one of everything."""

    org: Organization
    project: Project
    application: Application
    environment: Environment
    agent: Agent
    file: ConfigFile
    step: Step
    rule: AutoDeployRule
    variable: Variable
    version: Version

    def path(self, below: str = "") -> str:
        return f"/o/{self.org.slug}/{below}".format(
            project=f"projects/{self.project.code}",
            application=f"applications/{self.application.code}",
            cell=f"projects/{self.project.code}/configurations/{self.file.uid}/staging",
            rule=f"rules/{self.rule.uid}",
            file=self.file.uid,
            step=self.step.uid,
            variable=self.variable.uid,
            version=self.version.uid,
        )


@pytest.fixture
def shop(northwind: Organization) -> Shop:
    staging = factories.make_environment(northwind, "Staging", by=SYSTEM)
    application = factories.make_application(northwind, "Shop API", code="shop-api")
    agent, _ = factories.make_agent(northwind, "server")
    project = factories.make_project(
        northwind,
        "Web shop",
        code="web-shop",
        environments=[staging],
        applications=[application],
        agents=[agent],
    )
    return Shop(
        org=northwind,
        project=project,
        application=application,
        environment=staging,
        agent=agent,
        file=factories.make_config_file(application, "app.env", "MODE=base\nPORT=80\n"),
        step=factories.make_step(application, "Release", "echo released"),
        rule=factories.make_rule(project, application, staging, r"v[0-9]+"),
        variable=factories.make_variable(northwind, "GREETING", "hello", project=project),
        version=factories.make_version(application, "v1"),
    )
