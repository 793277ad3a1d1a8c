"""The steps of an application's deployments, custom ones and those from templates."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hydra.htmx import render_page, typed
from orgs.access import OrgRequest, Right, member
from projects.forms.applications import ScriptStepForm, StepForm, TemplateStepForm
from projects.models import Step, StepType
from projects.services import steps
from projects.services.step_templates import TEMPLATES, Template
from projects.views.finding import attempt, find_application, find_step, order_from


@require_GET
@member(Right.APPLICATION_READ)
def step_list(request: OrgRequest, code: str) -> HttpResponse:
    application = find_application(request, code)
    rows = list(application.steps.all())
    names = {step.uid: step.name for step in rows}
    context = {
        "application": application,
        "steps": [
            {
                "row": step,
                "needs": [names[uid] for uid in step.needs if uid in names],
                "template": TEMPLATES.get(step.template),
            }
            for step in rows
        ],
        "templates": TEMPLATES.values(),
        "tab": "steps",
    }
    return render_page(request, "applications/steps.html", context)


@require_POST
@member(Right.APPLICATION_UPDATE)
def step_order(request: OrgRequest, code: str) -> HttpResponse:
    application = find_application(request, code)
    steps.reorder_steps(application, uids=order_from(request), by=request.access.actor)
    messages.success(request, "The order is saved.")
    return redirect("projects:steps", request.org.slug, application.code)


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_UPDATE)
def step_create(request: OrgRequest, code: str) -> HttpResponse:
    """A custom step, or one from the template that `template` names."""
    application = find_application(request, code)
    template = template_named(request.GET.get("template", ""))
    others = list(application.steps.all())
    form = blank_form(request, template=template, others=others)
    if form.is_valid():
        facts = facts_from(form, template=template)
        create = partial(steps.create_step, application, facts=facts, by=request.access.actor)
        step = attempt(form, create)
        if step is not None:
            messages.success(request, f"{step} is the last step now.")
            return redirect("projects:steps", request.org.slug, application.code)
    return show_form(request, form, {"application": application, "template": template})


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_UPDATE)
def step_edit(request: OrgRequest, code: str, uid: str) -> HttpResponse:
    application = find_application(request, code)
    step = find_step(application, uid)
    template = TEMPLATES.get(step.template)
    others = [other for other in application.steps.all() if other.pk != step.pk]
    form = filled_form(request, step, template=template, others=others)
    if form.is_valid():
        facts = facts_from(form, template=template)
        update = partial(steps.update_step, step, facts=facts, by=request.access.actor)
        if attempt(form, update) is not None:
            messages.success(request, f"{form.cleaned_data['name']} is saved.")
            return redirect("projects:steps", request.org.slug, application.code)
    context = {"application": application, "step": step, "template": template}
    return show_form(request, form, context)


@require_http_methods(["GET", "POST"])
@member(Right.APPLICATION_UPDATE)
def step_delete(request: OrgRequest, code: str, uid: str) -> HttpResponse:
    """Ask on GET; do it on POST."""
    application = find_application(request, code)
    step = find_step(application, uid)
    if request.method == "POST":
        steps.delete_step(step, by=request.access.actor)
        messages.success(request, f"{step} is deleted.")
        return redirect("projects:steps", request.org.slug, application.code)
    context = {
        "application": application,
        "step": step,
        "needed_by": [other for other in application.steps.all() if step.uid in other.needs],
        "tab": "steps",
    }
    return render_page(request, "applications/step_delete.html", context, partial="dialog")


def template_named(code: str) -> Template | None:
    if code and code not in TEMPLATES:
        raise Http404
    return TEMPLATES.get(code)


def blank_form(request: OrgRequest, *, template: Template | None, others: list[Step]) -> StepForm:
    if template is None:
        return ScriptStepForm(typed(request), others=others)
    start = {
        "name": template.name,
        "description": template.description,
        "run_when": template.run_when,
        "safe_to_repeat": template.safe_to_repeat,
    }
    return TemplateStepForm(typed(request), others=others, asked=template.parameters, initial=start)


def filled_form(
    request: OrgRequest, step: Step, *, template: Template | None, others: list[Step]
) -> StepForm:
    facts = steps.facts_of(step)
    start = {name: getattr(facts, name) for name in StepForm.base_fields}
    if template is None:
        start |= {"type": step.type, "script": step.script}
        return ScriptStepForm(typed(request), others=others, initial=start)
    start |= {f"parameters.{name}": value for name, value in step.parameters.items()}
    return TemplateStepForm(typed(request), others=others, asked=template.parameters, initial=start)


def facts_from(form: StepForm, *, template: Template | None) -> steps.StepFacts:
    chosen = {name: form.cleaned_data[name] for name in StepForm.base_fields}
    chosen["needs"] = tuple(chosen["needs"])
    if isinstance(form, TemplateStepForm) and template is not None:
        return steps.StepFacts(
            **chosen,
            type=StepType.TEMPLATE,
            template=template.code,
            parameters=form.parameters,
        )
    return steps.StepFacts(
        **chosen, type=form.cleaned_data["type"], script=form.cleaned_data["script"]
    )


def show_form(request: OrgRequest, form: StepForm, context: dict[str, Any]) -> HttpResponse:
    asked = form.asked if isinstance(form, TemplateStepForm) else {}
    fields = [form[name] for name in asked]
    more = {
        "form": form,
        "parameter_fields": fields,
        "has_numbers": any(field.widget_type == "number" for field in fields),
        "tab": "steps",
    }
    status = 422 if form.is_bound else 200
    return render_page(request, "applications/step_form.html", {**context, **more}, status=status)
