"""All addresses. Each app has its own list; here they are put together."""

from allauth.account import views as allauth_views
from django.contrib import admin
from django.urls import include, path

from deployments.urls import agent_patterns
from hydra import health, search
from hydra.administration import entrance
from hydra.api import docs
from orgs.views.accounts import SignUp
from orgs.views.confirming import ConfirmByPassword
from orgs.views.passwords import Forgotten, NewPassword

# Of django-allauth only the pages that have a template of ours are reachable.
account_patterns = [
    path("signup/", SignUp.as_view(), name="account_signup"),
    path("login/", allauth_views.login, name="account_login"),
    path("logout/", allauth_views.logout, name="account_logout"),
    path("reauthenticate/", ConfirmByPassword.as_view(), name="account_reauthenticate"),
    path("inactive/", allauth_views.account_inactive, name="account_inactive"),
    path("password/", Forgotten.as_view(), name="account_reset_password"),
    path("password/sent/", allauth_views.password_reset_done, name="account_reset_password_done"),
    path(
        "password/changed/",
        allauth_views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path(
        "password/<slug:uidb36>/<str:key>/",
        NewPassword.as_view(),
        name="account_reset_password_from_key",
    ),
]

handler500 = "hydra.faces.server_error"

urlpatterns = [
    path("api/schema/", docs.schema, name="api_schema"),
    path("api/docs/", docs.page, name="api_docs"),
    path("", include("hydra.face_urls")),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    entrance,
    path("admin/", admin.site.urls),
    path("account/", include(account_patterns)),
    path("agent/", include(agent_patterns)),
    path("", include("orgs.urls")),
    path("", include("agents.urls")),
    path("", include("projects.urls")),
    path("o/<slug:org>/", include("deployments.urls")),
    path("o/<slug:org>/search/", search.search, name="search"),
]
