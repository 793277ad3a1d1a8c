"""Native routes below `/api/v1/`."""

from django.urls import path

from projects.api.applications import ApplicationViewSet
from projects.api.configs import ConfigViewSet, StepViewSet

native = [
    path("applications", ApplicationViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "applications/<str:uid>",
        ApplicationViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path(
        "applications/<str:uid>/configs", ConfigViewSet.as_view({"get": "list", "post": "create"})
    ),
    path("applications/<str:uid>/steps", StepViewSet.as_view({"get": "list", "post": "create"})),
]
