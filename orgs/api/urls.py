"""Native routes below `/api/v1/`, and the key check below `/v1/`."""

from django.urls import path

from orgs.api.environments import EnvironmentViewSet
from orgs.api.events import EventViewSet
from orgs.api.keycheck import HealthViewSet, UsageViewSet
from orgs.api.organizations import OrganizationListViewSet, OrganizationViewSet

native = [
    path("events", EventViewSet.as_view({"get": "list"})),
    path("events/export", EventViewSet.as_view({"get": "export"})),
    path("events/head", EventViewSet.as_view({"get": "head_of_chain"})),
    path("events/<str:uid>", EventViewSet.as_view({"get": "retrieve"})),
    path("environments", EnvironmentViewSet.as_view({"get": "list", "post": "create"})),
    path("orgs", OrganizationListViewSet.as_view({"get": "list"})),
    path("orgs/<str:slug>", OrganizationViewSet.as_view({"get": "retrieve"})),
    path("orgs/<str:slug>/members", OrganizationViewSet.as_view({"get": "members"})),
]
key_check = [
    path("health", HealthViewSet.as_view({"get": "retrieve"})),
    path("usage", UsageViewSet.as_view({"get": "retrieve"})),
]
