"""The pages of deployments, and where agents call. The API's addresses stand in `api`."""

from django.urls import path

from deployments import agent_api
from deployments.views import deploy, deployments, overview, rules, versions

app_name = "deployments"

# Below /o/<org>/
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("deployments/", deployments.deployment_list, name="list"),
    path("deployments/<str:uid>/", deployments.deployment_detail, name="detail"),
    path("deployments/<str:uid>/cancel/", deployments.deployment_cancel, name="cancel"),
    path("deployments/<str:uid>/jobs/<str:job>/log", deployments.log_part, name="log"),
    path("deployments/<str:uid>/jobs/<str:job>/log.txt", deployments.log_download, name="log-file"),
    path("projects/<str:code>/", deploy.project_overview, name="project"),
    path("projects/<str:code>/deploy/", deploy.deploy, name="deploy"),
    path("projects/<str:code>/rules/", rules.project_rules, name="project-rules"),
    path("rules/", rules.rule_list, name="rules"),
    path("applications/<str:code>/versions/", versions.version_list, name="versions"),
    path("applications/<str:code>/versions/new/", deploy.version_new, name="version-new"),
    path("applications/<str:code>/versions/create/", deploy.version_create, name="version-create"),
    path("applications/<str:code>/versions/<str:uid>/", deploy.version_detail, name="version"),
]

# Below /agent/
agent_patterns = [
    path("v1/hello", agent_api.greet, name="agent-hello"),
    path("v1/heartbeat", agent_api.heartbeat, name="agent-heartbeat"),
    path("v1/jobs/<slug:job>/start", agent_api.start, name="agent-start"),
    path("v1/jobs/<slug:job>/report", agent_api.report, name="agent-report"),
    path("v1/jobs/<slug:job>/log", agent_api.log, name="agent-log"),
    path("v1/jobs/<slug:job>/finish", agent_api.finish, name="agent-finish"),
]
