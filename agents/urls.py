"""The addresses of agents' pages; what agents themselves call stands in `deployments`."""

from django.urls import path

from agents import views

app_name = "agents"

urlpatterns = [
    path("agent/hydra-agent.pyz", views.download, name="download"),
    path("agent/hydra-agent.pyz.sha256", views.checksum, name="checksum"),
    path("o/<slug:org>/agents/", views.agent_list, name="list"),
    path("o/<slug:org>/agents/new/", views.agent_create, name="create"),
    path("o/<slug:org>/agents/<slug:uid>/revoke/", views.agent_revoke, name="revoke"),
]
