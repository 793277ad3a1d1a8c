"""Native routes below `/api/v1/`."""

from django.urls import path

from deployments.api.deployments import DeploymentViewSet, ProjectDeploymentViewSet
from deployments.api.projects import ProjectViewSet
from deployments.api.rules import RuleViewSet
from deployments.api.versions import VersionViewSet
from deployments.api.webhooks import WebhookViewSet

native = [
    path("projects", ProjectViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "projects/<str:uid>",
        ProjectViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path(
        "projects/<str:uid>/deployments",
        ProjectDeploymentViewSet.as_view({"get": "list", "post": "create"}),
    ),
    path("projects/<str:uid>/rules", RuleViewSet.as_view({"get": "list", "post": "create"})),
    path("projects/<str:uid>/rules/order", RuleViewSet.as_view({"put": "order"})),
    path("deployments/<str:uid>", DeploymentViewSet.as_view({"get": "retrieve"})),
    path("deployments/<str:uid>/cancel", DeploymentViewSet.as_view({"post": "cancel"})),
    path("deployments/<str:uid>/logs", DeploymentViewSet.as_view({"get": "logs"})),
    path(
        "applications/<str:uid>/versions", VersionViewSet.as_view({"get": "list", "post": "create"})
    ),
    path("webhooks", WebhookViewSet.as_view({"get": "list", "post": "create"})),
    path("webhooks/<str:uid>/deliveries", WebhookViewSet.as_view({"get": "deliveries"})),
]
