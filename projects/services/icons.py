"""The pictures of projects and applications.

One that nothing shows any more goes with the next change.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse

from hydra import pictures
from orgs.models import Actor, Icon, Organization
from orgs.services import events, icons
from orgs.services.events import Subject
from projects.models import Application, Project
from projects.services.naming import lock_org

Thing = Project | Application


def upload_icon(thing: Thing, *, upload: bytes, by: Actor) -> Thing:
    """Give a project or an application a picture, drawn anew before anything is locked."""
    return set_icon(thing, png=pictures.redraw(upload), by=by)


@transaction.atomic
def set_icon(thing: Thing, *, png: bytes | None, by: Actor) -> Thing:
    """Show this picture from now on, or none; safe to repeat."""
    lock_org(thing.org)
    thing.refresh_from_db(fields=["icon"])
    before = thing.icon
    icon = icons.keep(thing.org, png) if png is not None else None
    if icon == before:
        return thing
    thing.icon = icon
    thing.save(update_fields=["icon"])
    forget_unused(thing.org)
    kind = "project" if thing.__class__ is Project else "application"
    changes = events.changes(
        {"icon": before.digest if before else ""}, {"icon": icon.digest if icon else ""}
    )
    subject = Subject(kind, thing.uid, str(thing))
    events.record(org=thing.org, by=by, verb=f"{kind}.icon_changed", subject=subject, data=changes)
    return thing


def forget_unused(org: Organization) -> None:
    """Delete the pictures that nothing shows, those of deleted projects included."""
    users = (Project, Application)
    shown = [Exists(model.objects.filter(icon=OuterRef("pk"))) for model in users]
    Icon.objects.in_org(org).filter(*(~used for used in shown)).delete()


def address_of(thing: Thing) -> str | None:
    """Where people who are signed in see the picture."""
    if thing.icon is None:
        return None
    path = reverse("projects:icon", args=[thing.org.slug, thing.icon.digest])
    return f"{settings.HYDRA_URL}{path}"
