"""Making, changing and trying rules; `deployments` lists them, since it knows what they started."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hydra.htmx import render_page, typed
from orgs.access import OrgRequest, Right, member
from orgs.services.environments import OrderChanged
from projects.forms.rules import HOURS, MINUTES, RuleForm, SimulatorForm
from projects.models import AutoDeployRule, Project
from projects.services import rules, simulations
from projects.views.finding import attempt, find_project, find_rule, order_from


@require_http_methods(["GET", "POST"])
@member(Right.RULE_WRITE)
def rule_create(request: OrgRequest, code: str) -> HttpResponse:
    project = find_project(request, code)
    start = {
        name: request.GET[name] for name in ("application", "environment") if name in request.GET
    }
    form = RuleForm(typed(request), project=project, initial=start)
    if form.is_valid():
        create = partial(
            rules.create_rule, project, facts=facts_from(form), by=request.access.actor
        )
        if attempt(form, create) is not None:
            messages.success(request, "The rule is made. Versions that arrive from now on meet it.")
            return redirect("deployments:project-rules", request.org.slug, project.code)
    return show_form(request, form, {"project": project})


@require_http_methods(["GET", "POST"])
@member(Right.RULE_WRITE)
def rule_edit(request: OrgRequest, uid: str) -> HttpResponse:
    rule = find_rule(request, uid)
    form = RuleForm(typed(request), project=rule.project, initial=initial_of(rule))
    if form.is_valid():
        update = partial(rules.update_rule, rule, facts=facts_from(form), by=request.access.actor)
        if attempt(form, update) is not None:
            messages.success(request, "The rule is saved.")
            return redirect("deployments:project-rules", request.org.slug, rule.project.code)
    return show_form(request, form, {"project": rule.project, "rule": rule})


@require_POST
@member(Right.RULE_WRITE)
def rule_order(request: OrgRequest, code: str) -> HttpResponse:
    """Save the order as it was dragged; without JavaScript one place up or down at a time."""
    project = find_project(request, code)
    uids, was = order_from(request), request.POST.getlist("was") or None
    try:
        rules.save_order(project, uids=uids, was=was, by=request.access.actor)
    except OrderChanged as changed:
        return ask_which(request, project, uids, changed.message)
    messages.success(request, "The order is saved.")
    return redirect("deployments:project-rules", request.org.slug, project.code)


def ask_which(
    request: OrgRequest, project: Project, uids: list[str], sentence: str
) -> HttpResponse:
    """Both orders beside each other: the one of now, and the one that was not saved."""
    now = list(project.rules.with_names())
    known = {rule.uid: rule for rule in now}
    context = {
        "project": project,
        "now": now,
        "mine": [known[uid] for uid in uids if uid in known],
        "sentence": sentence,
        "tab": "rules",
    }
    return render_page(request, "projects/rule_order.html", context, status=409)


@require_POST
@member(Right.RULE_WRITE)
def rule_switch(request: OrgRequest, uid: str) -> HttpResponse:
    """On or off, as the field `is_enabled` says; back to the list that it was switched in."""
    rule = find_rule(request, uid)
    is_enabled = request.POST.get("is_enabled") == "on"
    rules.switch_rule(rule, is_enabled=is_enabled, by=request.access.actor)
    messages.success(request, f"The rule is switched {'on' if is_enabled else 'off'}.")
    return go_back(request, rule)


@require_http_methods(["GET", "POST"])
@member(Right.RULE_WRITE)
def rule_delete(request: OrgRequest, uid: str) -> HttpResponse:
    rule = find_rule(request, uid)
    if request.method == "POST":
        rules.delete_rule(rule, by=request.access.actor)
        messages.success(request, "The rule is deleted.")
        return redirect("deployments:project-rules", request.org.slug, rule.project.code)
    context = {"project": rule.project, "rule": rule, "tab": "rules"}
    return render_page(request, "projects/rule_delete.html", context, partial="dialog")


@require_GET
@member(Right.RULE_READ)
def simulate(request: OrgRequest) -> HttpResponse:
    """Which rules a version would set off, and why not. Asked by GET: the answer can be sent."""
    form = SimulatorForm(request.GET, org=request.org)
    context: dict[str, Any] = {"simulator": form, "decisions": None}
    if form.is_valid():
        asked = form.cleaned_data
        decisions = simulations.simulate(
            asked["application"], version=asked["version"], tags=asked["tags"]
        )
        context |= {
            "decisions": decisions,
            "version": asked["version"],
            "firing": sum(decision.fires for decision in decisions),
        }
    status = 200 if form.is_valid() else 422
    return render_page(
        request, "projects/rule_simulator.html", context, partial="answer", status=status
    )


def facts_from(form: RuleForm) -> rules.RuleFacts:
    chosen = form.cleaned_data
    return rules.RuleFacts(
        application=chosen["application"],
        environment=chosen["environment"],
        strategy=chosen["strategy"],
        pattern=chosen["pattern"],
        delay_minutes=form.delay_minutes,
        is_enabled=chosen["is_enabled"],
        allows_older=chosen["allows_older"],
    )


def initial_of(rule: AutoDeployRule) -> dict[str, Any]:
    in_hours = rule.delay_minutes > 0 and rule.delay_minutes % 60 == 0
    return {
        "application": rule.application.code,
        "environment": rule.environment.slug,
        "strategy": rule.strategy,
        "pattern": rule.pattern,
        "delay": rule.delay_minutes // 60 if in_hours else rule.delay_minutes,
        "unit": HOURS if in_hours else MINUTES,
        "is_enabled": rule.is_enabled,
        "allows_older": rule.allows_older,
    }


def show_form(request: OrgRequest, form: RuleForm, context: dict[str, Any]) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render_page(
        request, "projects/rule_form.html", {**context, "form": form, "tab": "rules"}, status=status
    )


def go_back(request: OrgRequest, rule: AutoDeployRule) -> HttpResponse:
    if request.POST.get("from") == "all":
        return redirect("deployments:rules", request.org.slug)
    return redirect("deployments:project-rules", request.org.slug, rule.project.code)
