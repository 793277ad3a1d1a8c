"""Native routes below `/api/v1/`, and the key check below `/v1/`."""

from django.urls import path

from orgs.api.environments import EnvironmentViewSet
from orgs.api.events import EventViewSet
from orgs.api.invites import InviteViewSet
from orgs.api.keycheck import HealthViewSet
from orgs.api.keys import ApiKeyViewSet
from orgs.api.organizations import OrganizationListViewSet, OrganizationViewSet
from orgs.api.tokens import PersonalTokenViewSet

native = [
    path("events", EventViewSet.as_view({"get": "list"})),
    path("events/export", EventViewSet.as_view({"get": "export"})),
    path("events/head", EventViewSet.as_view({"get": "head_of_chain"})),
    path("events/<str:uid>", EventViewSet.as_view({"get": "retrieve"})),
    path("api-keys", ApiKeyViewSet.as_view({"get": "list", "post": "create"})),
    path("api-keys/<str:uid>", ApiKeyViewSet.as_view({"get": "retrieve"})),
    path("api-keys/<str:uid>/rotate", ApiKeyViewSet.as_view({"post": "rotate"})),
    path("api-keys/<str:uid>/revoke", ApiKeyViewSet.as_view({"post": "revoke"})),
    path("tokens", PersonalTokenViewSet.as_view({"get": "list", "post": "create"})),
    path("tokens/<str:uid>", PersonalTokenViewSet.as_view({"get": "retrieve"})),
    path("tokens/<str:uid>/rotate", PersonalTokenViewSet.as_view({"post": "rotate"})),
    path("tokens/<str:uid>/revoke", PersonalTokenViewSet.as_view({"post": "revoke"})),
    path("environments", EnvironmentViewSet.as_view({"get": "list", "post": "create"})),
    path("environments/order", EnvironmentViewSet.as_view({"put": "order"})),
    path(
        "environments/<str:uid>",
        EnvironmentViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path("invites", InviteViewSet.as_view({"get": "list", "post": "create"})),
    path("invites/<str:uid>", InviteViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path("orgs", OrganizationListViewSet.as_view({"get": "list"})),
    path(
        "orgs/<str:slug>",
        OrganizationViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path("orgs/<str:slug>/members", OrganizationViewSet.as_view({"get": "members"})),
    path(
        "orgs/<str:slug>/members/<str:uid>",
        OrganizationViewSet.as_view({"patch": "change_role", "delete": "remove_member"}),
    ),
]
key_check = [
    path("health", HealthViewSet.as_view({"get": "retrieve"})),
]
