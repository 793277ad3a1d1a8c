"""The addresses of projects, applications and rules. The API's stand in `api`.

A project's overview, the lists of rules and the pages of versions are `deployments`', which knows
what runs where.
"""

from django.urls import path

from projects.views import (
    applications,
    config_files,
    configurations,
    icons,
    places,
    projects,
    rules,
    steps,
    variables,
)

app_name = "projects"

PROJECT = "o/<slug:org>/projects/<str:code>"
APPLICATION = "o/<slug:org>/applications/<str:code>"
RULE = "o/<slug:org>/rules/<str:uid>"
CELL = f"{PROJECT}/configurations/<str:file>/<slug:slug>"

urlpatterns = [
    path("o/<slug:org>/projects/", projects.project_list, name="list"),
    path("o/<slug:org>/projects/new/", projects.project_create, name="create"),
    path(f"{PROJECT}/settings/", projects.project_settings, name="settings"),
    path("o/<slug:org>/icons/<str:digest>.png", icons.icon, name="icon"),
    path(f"{PROJECT}/icon/", icons.project_icon, name="project-icon"),
    path(f"{PROJECT}/delete/", projects.project_delete, name="delete"),
    path(f"{PROJECT}/applications/", projects.application_connect, name="connect"),
    path(
        f"{PROJECT}/applications/<str:application>/disconnect/",
        projects.application_disconnect,
        name="disconnect",
    ),
    path(f"{PROJECT}/environments/", places.environment_list, name="environments"),
    path(f"{PROJECT}/environments/add/", places.environment_add, name="environment-add"),
    path(f"{PROJECT}/environments/<slug:slug>/", places.environment_edit, name="environment-edit"),
    path(
        f"{PROJECT}/environments/<slug:slug>/remove/",
        places.environment_remove,
        name="environment-remove",
    ),
    path(f"{PROJECT}/agents/", places.agent_list, name="agents"),
    path(f"{PROJECT}/agents/link/", places.agent_link, name="agent-link"),
    path(f"{PROJECT}/agents/unlink/", places.agent_unlink, name="agent-unlink"),
    path(f"{PROJECT}/configurations/", configurations.configuration_list, name="configurations"),
    path(f"{CELL}/", configurations.configuration, name="configuration"),
    path(f"{CELL}/remove/", configurations.override_delete, name="override-delete"),
    path(f"{PROJECT}/variables/", variables.variable_list, name="variables"),
    path(f"{PROJECT}/variables/add/", variables.variable_add, name="variable-add"),
    path(f"{PROJECT}/variables/<str:uid>/", variables.variable_edit, name="variable-edit"),
    path(
        f"{PROJECT}/variables/<str:uid>/delete/", variables.variable_delete, name="variable-delete"
    ),
    path(f"{PROJECT}/rules/order/", rules.rule_order, name="rule-order"),
    path(f"{PROJECT}/rules/new/", rules.rule_create, name="rule-create"),
    path("o/<slug:org>/rules/simulate/", rules.simulate, name="simulate"),
    path(f"{RULE}/", rules.rule_edit, name="rule-edit"),
    path(f"{RULE}/switch/", rules.rule_switch, name="rule-switch"),
    path(f"{RULE}/delete/", rules.rule_delete, name="rule-delete"),
    path("o/<slug:org>/applications/", applications.application_list, name="applications"),
    path(
        "o/<slug:org>/applications/new/", applications.application_create, name="application-create"
    ),
    path(f"{APPLICATION}/", applications.application_overview, name="application"),
    path(
        f"{APPLICATION}/versions/<str:uid>/block/",
        applications.version_block,
        name="version-block",
    ),
    path(f"{APPLICATION}/deploy-script/", applications.deploy_script, name="deploy-script"),
    path(
        f"{APPLICATION}/settings/", applications.application_settings, name="application-settings"
    ),
    path(f"{APPLICATION}/icon/", icons.application_icon, name="application-icon"),
    path(f"{APPLICATION}/delete/", applications.application_delete, name="application-delete"),
    path(f"{APPLICATION}/configurations/", config_files.config_file_list, name="config-files"),
    path(
        f"{APPLICATION}/configurations/new/",
        config_files.config_file_create,
        name="config-file-create",
    ),
    path(
        f"{APPLICATION}/configurations/<str:uid>/",
        config_files.config_file_edit,
        name="config-file",
    ),
    path(
        f"{APPLICATION}/configurations/<str:uid>/delete/",
        config_files.config_file_delete,
        name="config-file-delete",
    ),
    path(f"{APPLICATION}/steps/", steps.step_list, name="steps"),
    path(f"{APPLICATION}/steps/order/", steps.step_order, name="step-order"),
    path(f"{APPLICATION}/steps/new/", steps.step_create, name="step-create"),
    path(f"{APPLICATION}/steps/<str:uid>/", steps.step_edit, name="step-edit"),
    path(f"{APPLICATION}/steps/<str:uid>/delete/", steps.step_delete, name="step-delete"),
]
