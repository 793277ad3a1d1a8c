"""All addresses. Each app has its own list; here they are put together."""

from django.contrib import admin
from django.urls import include, path

from deployments.urls import agent_patterns
from hydra import health, search
from hydra.administration import entrance
from hydra.api import docs

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
    path("account/", include("hydra.account_urls")),
    path("agent/", include(agent_patterns)),
    path("", include("orgs.urls")),
    path("", include("agents.urls")),
    path("", include("projects.urls")),
    path("o/<slug:org>/", include("deployments.urls")),
    path("o/<slug:org>/search/", search.search, name="search"),
]
