"""All routes of the API's four faces, in one place; `hydra.faces` resolves in these alone."""

from django.urls import include, path

from agents.api import AgentViewSet
from billing.api import KeyUsageViewSet, UsageViewSet
from deployments.api.urls import native as deployments_native
from deployments.externals import ProjectViewSet, VersionViewSet
from deployments.rpc import DeployViewSet
from orgs.api.urls import key_check
from orgs.api.urls import native as orgs_native
from projects.api.urls import native as projects_native

native = [
    *orgs_native,
    path("usage", UsageViewSet.as_view({"get": "retrieve"})),
    path("agents", AgentViewSet.as_view({"get": "list", "post": "create"})),
    *projects_native,
    *deployments_native,
]
externals = [
    path("project/create", ProjectViewSet.as_view({"post": "create"})),
    path("version/create", VersionViewSet.as_view({"post": "create"})),
]
rpc = [
    path("deploy.createDeployment", DeployViewSet.as_view({"post": "create_deployment"})),
    path("deploy.getDeployment", DeployViewSet.as_view({"post": "get_deployment"})),
]

urlpatterns = [
    path("api/externals/", include(externals)),
    path("api/v1/", include(native)),
    path("v1/", include([*key_check, path("usage", KeyUsageViewSet.as_view({"get": "retrieve"}))])),
    path("v2/", include(rpc)),
]
