"""Applications and their versions; projects and how they configure applications."""

from projects.models.applications import Application, ApplicationQuerySet, ConfigFile, FileType
from projects.models.projects import (
    AppType,
    Framework,
    Override,
    Project,
    ProjectAgent,
    ProjectApplication,
    ProjectEnvironment,
    ProjectQuerySet,
)
from projects.models.rules import AutoDeployRule, AutoDeployRuleQuerySet, Strategy
from projects.models.steps import Step, StepType
from projects.models.variables import Variable, VariableQuerySet
from projects.models.versions import Version, VersionQuerySet

__all__ = [
    "AppType",
    "Application",
    "ApplicationQuerySet",
    "AutoDeployRule",
    "AutoDeployRuleQuerySet",
    "ConfigFile",
    "FileType",
    "Framework",
    "Override",
    "Project",
    "ProjectAgent",
    "ProjectApplication",
    "ProjectEnvironment",
    "ProjectQuerySet",
    "Step",
    "StepType",
    "Strategy",
    "Variable",
    "VariableQuerySet",
    "Version",
    "VersionQuerySet",
]
