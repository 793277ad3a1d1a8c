"""The matrix of applications and environments, made of a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Count, F, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from deployments.models import Deployment, State, Target, TargetQuerySet
from orgs.models import Environment
from projects.models import Application, Project, ProjectApplication, ProjectEnvironment, Version

# A newer attempt that ended so is no news: what ran before goes on running.
NO_NEWS = (State.CANCELED, State.SUPERSEDED, State.EXPIRED, State.REJECTED)


@dataclass
class Cell:
    """One application of one project in one environment, as the matrix shows it."""

    project: Project
    application: Application
    environment: Environment
    head: Deployment | None = None
    current: Deployment | None = None
    latest: Deployment | None = None
    behind: int = 0
    age: str = "lead"
    hold: str = ""

    @property
    def other(self) -> Deployment | None:
        """What is under way, or else the newest attempt, unless it is what runs here."""
        newest = self.head or self.latest
        if newest is None or self.current is None or newest == self.current:
            return None
        return newest if newest.state not in NO_NEWS else None

    @property
    def shown(self) -> Deployment | None:
        """What the cell opens: what is under way or went wrong, else what runs here."""
        return self.other or self.current or self.head or self.latest

    @property
    def state(self) -> str:
        return self.shown.state if self.shown is not None else ""

    @property
    def version(self) -> Version | None:
        """What runs here, or is on its way to an empty cell."""
        found = self.current or self.shown
        return found.version if found is not None else None

    @property
    def since(self) -> object:
        found = self.current or self.shown
        return found.finished_at or found.created_at if found is not None else None


@dataclass
class Row:
    application: Application
    project: Project
    cells: list[Cell | None] = field(default_factory=list)


@dataclass
class Group:
    """A project's rows."""

    project: Project
    rows: list[Row] = field(default_factory=list)


def build(projects: Sequence[Project], environments: Sequence[Environment]) -> list[Group]:
    """The rows of these projects under these columns: three queries, whatever their number."""
    uses = {
        (link.project_id, link.environment_id)
        for link in ProjectEnvironment.objects.filter(project__in=projects)
    }
    targets = {
        (t.project_id, t.application_id, t.environment_id): t
        for t in counted(Target.objects.filter(project__in=projects).with_cells())
    }
    groups = {project.pk: Group(project) for project in projects}
    contained = ProjectApplication.objects.filter(project__in=projects).select_related(
        "application"
    )
    for link in contained.order_by("application__name", "pk"):
        group = groups[link.project_id]
        row = Row(application=link.application, project=group.project)
        for environment in environments:
            if (link.project_id, environment.pk) not in uses:
                row.cells.append(None)
                continue
            target = targets.get((link.project_id, link.application_id, environment.pk))
            row.cells.append(make_cell(row, environment, target))
        note_ages(cell for cell in row.cells if cell is not None)
        group.rows.append(row)
    return list(groups.values())


def counted(targets: TargetQuerySet) -> TargetQuerySet:
    """With the number of versions that are newer than the one that runs, from an index alone."""
    newer = (
        Version.objects.filter(application=OuterRef("application"), pk__gt=OuterRef("ran"))
        .order_by()
        .values("application")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return targets.annotate(
        ran=F("current__version_id"),
        behind=Coalesce(Subquery(newer, output_field=IntegerField()), 0),
    )


def make_cell(row: Row, environment: Environment, target: Target | None) -> Cell:
    cell = Cell(project=row.project, application=row.application, environment=environment)
    if target is None:
        return cell
    cell.head, cell.current, cell.latest = target.head, target.current, target.latest
    newer: int = getattr(target, "behind", 0)  # counted by the query
    cell.behind = newer if target.current is not None else 0
    cell.hold = target.held_reason if target.held_at is not None else ""
    return cell


def note_ages(cells: Iterable[Cell]) -> None:
    """Equal versions in a row look equal: the newest leads, the next is behind, the rest far."""
    running = [cell for cell in cells if cell.version is not None]
    newest_first = sorted({cell.version.pk for cell in running if cell.version}, reverse=True)
    for cell in running:
        rank = newest_first.index(cell.version.pk) if cell.version else 0
        cell.age = ("lead", "behind", "far")[min(rank, 2)]
