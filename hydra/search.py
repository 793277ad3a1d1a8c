"""Search over everything that an organization has: wiring, because it asks every app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from agents.models import Agent
from deployments.models import Deployment
from hydra.htmx import render_page
from orgs.access import OrgRequest, Right, member
from orgs.models import Environment, Organization
from projects.models import Application, Project

EACH = 8
LONGEST = 100
HITS = "search-hits"  # the part of the dialog that is fetched again as one types


@dataclass(frozen=True)
class Hit:
    """One thing found, and where it is."""

    kind: str
    name: str
    note: str
    url: str


@require_GET
@member(Right.ORGANIZATION_READ)
def search(request: OrgRequest) -> HttpResponse:
    """What matches `q`, of what the person may see."""
    text = request.GET.get("q", "").strip()[:LONGEST]
    hits = [
        hit
        for right, find in FINDERS
        if text and request.access.allows(right)
        for hit in find(request.org, text)
    ]
    context = {"query": text, "hits": [*hits, *pages(request, text)]}
    partial = "hits" if request.htmx.target == HITS else "dialog"
    return render_page(request, "search.html", context, partial=partial)


@dataclass(frozen=True)
class Page:
    """A page that people look for by name, or by what they want to do there."""

    view: str
    name: str
    words: str
    right: Right

    def is_meant(self, text: str) -> bool:
        return all(word in f"{self.name} {self.words}".lower() for word in text.lower().split())


PAGES = (
    Page("deployments:overview", "Overview", "home matrix what runs where", Right.PROJECT_READ),
    Page("projects:list", "Projects", "", Right.PROJECT_READ),
    Page("projects:create", "New project", "create add", Right.PROJECT_CREATE),
    Page("projects:applications", "Applications", "", Right.APPLICATION_READ),
    Page("projects:application-create", "New application", "add", Right.APPLICATION_CREATE),
    Page("deployments:rules", "Rules", "auto deploy simulator", Right.RULE_READ),
    Page("deployments:list", "Deployments", "history", Right.DEPLOYMENT_READ),
    Page("agents:list", "Agents", "servers", Right.AGENT_READ),
    Page("orgs:general", "General", "settings name transfer delete", Right.ORGANIZATION_READ),
    Page("orgs:members", "Users & Permissions", "settings members people roles", Right.MEMBER_READ),
    Page("orgs:invites", "Invite Codes", "settings users people join", Right.INVITE_READ),
    Page("orgs:environments", "Environments", "settings stages order", Right.ENVIRONMENT_READ),
    Page("orgs:keys", "API keys", "settings credentials tokens ci", Right.API_KEY_READ),
    Page("orgs:audit", "Audit log", "settings events history export", Right.AUDIT_READ),
)


def pages(request: OrgRequest, text: str) -> Iterator[Hit]:
    """Pages that the person may open; settings and the things one makes among them."""
    for page in PAGES:
        if text and request.access.allows(page.right) and page.is_meant(text):
            note = "Settings" if page.words.startswith("settings") else ""
            yield Hit("page", page.name, note, reverse(page.view, args=[request.org.slug]))


def projects(org: Organization, text: str) -> Iterator[Hit]:
    for project in Project.objects.in_org(org).filter(named(text))[:EACH]:
        url = reverse("deployments:project", args=[org.slug, project.code])
        yield Hit("project", project.name, project.code, url)


def applications(org: Organization, text: str) -> Iterator[Hit]:
    for application in Application.objects.in_org(org).filter(named(text))[:EACH]:
        url = reverse("projects:application", args=[org.slug, application.code])
        yield Hit("application", application.name, application.code, url)


def environments(org: Organization, text: str) -> Iterator[Hit]:
    for environment in Environment.objects.in_org(org).filter(name__icontains=text)[:EACH]:
        url = reverse("orgs:environments", args=[org.slug])
        yield Hit("environment", environment.name, environment.slug, url)


def agents(org: Organization, text: str) -> Iterator[Hit]:
    for agent in Agent.objects.in_org(org).live().filter(name__icontains=text)[:EACH]:
        url = f"{reverse('agents:list', args=[org.slug])}#{agent.uid}"
        yield Hit("agent", agent.name, agent.get_presence_display(), url)


def deployments(org: Organization, text: str) -> Iterator[Hit]:
    """By uid alone: a history is searched in its own list."""
    if not text.startswith("d_"):
        return
    for deployment in Deployment.objects.in_org(org).with_names().filter(uid=text):
        url = reverse("deployments:detail", args=[org.slug, deployment.uid])
        yield Hit("deployment", str(deployment), deployment.uid, url)


def named(text: str) -> Q:
    return Q(name__icontains=text) | Q(code__icontains=text)


Finder = Callable[[Organization, str], Iterator[Hit]]
FINDERS: tuple[tuple[Right, Finder], ...] = (
    (Right.PROJECT_READ, projects),
    (Right.APPLICATION_READ, applications),
    (Right.DEPLOYMENT_READ, deployments),
    (Right.AGENT_READ, agents),
    (Right.ENVIRONMENT_READ, environments),
)
