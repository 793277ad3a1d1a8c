"""What a deployment would change, shown before anybody presses the button. Writes nothing."""

from __future__ import annotations

import difflib
import html
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from deployments.models import Deployment, Target
from deployments.services import queues, requests
from hydra.errors import Refused
from orgs.models import Environment
from projects.models import Application, Project, Version
from projects.services import rendering
from projects.services.rendering import Content, FilePlan

HIDDEN = "•••"
CONTEXT_LINES = 3
MOST_VERSIONS_BETWEEN = 20


@dataclass(frozen=True)
class Line:
    """One line of a diff: kind is same, add, del or fold."""

    kind: str
    text: str
    old_number: int | None = None
    new_number: int | None = None


@dataclass(frozen=True)
class FileDiff:
    name: str
    lines: tuple[Line, ...]
    changed: int
    is_hidden: bool = False


@dataclass(frozen=True)
class Preview:
    """The exact effect: what becomes what, on which agents, behind whom."""

    version: Version
    current: Deployment | None
    head: Deployment | None
    between: tuple[Version, ...]
    files: tuple[FileDiff, ...]
    steps: tuple[str, ...]
    agents: tuple[str, ...]
    objection: str = ""

    @property
    def is_redeploy(self) -> bool:
        return self.current is not None and self.current.version_id == self.version.pk


def preview(
    *, project: Project, application: Application, environment: Environment, version: Version
) -> Preview:
    """Compare with what last succeeded there. An objection says why it would be refused."""
    destination = requests.find_destination(project, application, environment)
    target = (
        Target.objects.filter(project=project, application=application, environment=environment)
        .select_related("current__version", "current__snapshot", "head__version")
        .first()
    )
    current = target.current if target is not None else None
    content, objection = render(destination, version)
    return Preview(
        version=version,
        current=current,
        head=target.head if target is not None else None,
        between=versions_between(current, version),
        files=tuple(compare_files(current, content)) if content is not None else (),
        steps=tuple(step["name"] for step in content["steps"]) if content is not None else (),
        agents=tuple(agent.name for agent in destination.agents),
        objection=objection or missing_agents(destination),
    )


def render(destination: requests.Destination, version: Version) -> tuple[Content | None, str]:
    application = destination.application
    sources = rendering.load_sources(application, projects=[destination.place.project])
    try:
        requests.require_deployable(version, application)
        content = rendering.render(
            sources, place=destination.place, version=version, previous="", agents=[]
        )
    except Refused as refused:
        return None, refused.message
    return content, ""


def missing_agents(destination: requests.Destination) -> str:
    if destination.agents:
        return ""
    return queues.no_agent_sentence(destination.link.project, destination.link.environment)


def versions_between(current: Deployment | None, version: Version) -> tuple[Version, ...]:
    """What comes along besides: the versions after the one that runs, up to the one that goes."""
    if current is None:
        return (version,)
    low, high = sorted((current.version_id, version.pk))
    rows = Version.objects.filter(application=version.application_id, pk__gt=low, pk__lte=high)
    return tuple(rows.newest_first()[:MOST_VERSIONS_BETWEEN])


def compare_files(current: Deployment | None, content: Content) -> Iterable[FileDiff]:
    before: Content | None = None
    if current is not None:
        before = cast("Content", current.snapshot.open_content())
    old = {file["name"]: file for file in before["files"]} if before is not None else {}
    new = {file["name"]: file for file in content["files"]}
    secrets = [*content["secrets"], *(before["secrets"] if before is not None else [])]
    for name in sorted(old.keys() | new.keys()):
        yield compare(name, old.get(name), new.get(name), secrets=secrets)


def compare(
    name: str, old: FilePlan | None, new: FilePlan | None, *, secrets: list[str]
) -> FileDiff:
    texts = [file["content"] if file is not None else "" for file in (old, new)]
    if any(file is not None and file.get("is_sensitive", False) for file in (old, new)):
        changed = int(texts[0] != texts[1])
        return FileDiff(name, lines=(), changed=changed, is_hidden=True)
    lines = tuple(diff_lines(hide(texts[0], secrets), hide(texts[1], secrets)))
    changed = sum(line.kind in ("add", "del") for line in lines)
    return FileDiff(name, lines=lines, changed=changed)


def hide(text: str, secrets: list[str]) -> list[str]:
    """The lines without what nobody is to read, however a file's type spells it."""
    spellings = {spelling for secret in secrets for spelling in spelled(secret)}
    for spelling in sorted(spellings, key=len, reverse=True):  # one may be within another
        text = text.replace(spelling, HIDDEN)
    return text.splitlines()


def spelled(secret: str) -> set[str]:
    """A value as it is and as JSON, XML and DOTENV escape it."""
    quoted = secret.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    forms = {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret, quote=False),
        html.escape(secret),
        html.escape(secret).replace("&#x27;", "&apos;"),
        quoted,
        quoted.replace("$", "\\$"),
        secret.replace("'", "\\'"),
    }
    return {form for form in forms if form}


def diff_lines(old: list[str], new: list[str]) -> Iterable[Line]:
    """A unified diff with folds in place of what is the same for long."""
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    last_old = 0
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES):
        start = group[0][1]
        if start > last_old:
            yield Line("fold", f"{start - last_old} lines unchanged")
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                yield from (Line("same", old[n], n + 1, j1 + n - i1 + 1) for n in range(i1, i2))
            else:
                yield from (Line("del", old[n], old_number=n + 1) for n in range(i1, i2))
                yield from (Line("add", new[n], new_number=n + 1) for n in range(j1, j2))
        last_old = group[-1][2]
    if len(old) > last_old:
        yield Line("fold", f"{len(old) - last_old} lines unchanged")
