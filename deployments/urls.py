"""Where agents call. Pages of deployments are added below, the API's stand in `api`."""

from django.urls import path

from deployments import agent_api

agent_patterns = [
    path("v1/hello", agent_api.greet),
    path("v1/heartbeat", agent_api.heartbeat),
    path("v1/jobs/<str:job>/start", agent_api.start),
    path("v1/jobs/<str:job>/report", agent_api.report),
    path("v1/jobs/<str:job>/log", agent_api.log),
    path("v1/jobs/<str:job>/finish", agent_api.finish),
]
