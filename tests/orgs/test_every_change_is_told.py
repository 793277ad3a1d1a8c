"""Every service that changes anything writes an event: found by reading the code, all of it.

A function that writes must reach the log, or be called only by functions that do. Whatever does
neither stands in the list below, with the reason. That it tells the right thing on every way
through, the tests of each service see to.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from orgs.models.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]
APPS = ("orgs", "billing", "agents", "projects", "deployments", "hydra")
# What changes rows, on a manager, a queryset or a model; and the helpers of the floor.
WRITES = frozenset(
    {
        "save",
        "create",
        "update",
        "delete",
        "bulk_create",
        "bulk_update",
        "get_or_create",
        "update_or_create",
        "insert",
        "insert_all",
        "set_each",
        "create_user",
        "set_password",
    }
)
NOT_WRITING = frozenset(
    {"json", "params", "context", "headers", "digest", "hmac", "data", "told", "_finders"}
)
LOG = frozenset({"orgs.services.events.record", "orgs.services.events.record_all"})
# Decorated so, a function makes the statement that its callers carry out.
STATEMENTS = frozenset({"compiled_update"})

# Bookkeeping: nobody's act, but how far something has come. What it leads to is told by others.
IDEMPOTENCY = "The answer kept for a repeat: what it answers for is told."
CHAIN = "The seal of what was told; `audit.fault_found` tells what is wrong with it."
BOOKKEEPING: dict[str, str] = {
    "deployments.services.sweeps.extend_leases": "We were away: agents keep what they hold.",
    "deployments.services.sweeps.lapse_offers": "Nobody began the job; it is ready as before.",
    "deployments.services.webhooks.fan_out": "What was told becomes deliveries, each with its log.",
    "deployments.services.worker.forget_sessions": "Of browsers that did not come back.",
    "orgs.services.deletion.delete_organization": "Its log goes with it: nobody could read it.",
    "orgs.services.failures.count_failure": "Told once a minute, by `tell_failures`.",
    "orgs.services.events.number_events": "The number of what was told.",
    "orgs.services.idempotency.finish": IDEMPOTENCY,
    "orgs.services.idempotency.forget_old": IDEMPOTENCY,
    "orgs.services.idempotency.held": IDEMPOTENCY,
    "orgs.services.idempotency.make": IDEMPOTENCY,
    "orgs.services.idempotency.take_over": IDEMPOTENCY,
    "orgs.services.seals.seal_batch": CHAIN,
}


@dataclass
class Function:
    """One function of the code: whether it writes itself, and whom it calls."""

    name: str
    writes: bool = False
    calls: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.Module) -> dict[str, str]:
    """What each name of a module stands for."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
    return found


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


@cache
def functions() -> dict[str, Function]:
    """All functions of the apps, by their dotted name; a method counts as its class' function."""
    found: dict[str, Function] = {}
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            parts = path.relative_to(ROOT).parts
            if "migrations" not in parts and "program" not in parts and "cli" not in parts:
                read(path, found)
    return found


def read(path: Path, found: dict[str, Function]) -> None:
    tree = ast.parse(path.read_text())
    module, names = module_of(path), imports_of(tree)
    local = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found[f"{module}.{node.name}"] = examine(node, module, names, local, own="")
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    name = f"{module}.{node.name}.{method.name}"
                    own = f"{module}.{node.name}"
                    found[name] = examine(method, module, names, local, own=own)


def examine(
    node: ast.FunctionDef, module: str, names: dict[str, str], local: set[str], *, own: str
) -> Function:
    made = Function(f"{own or module}.{node.name}")
    if any(dotted(decorator) in STATEMENTS for decorator in node.decorator_list):
        return made
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name | ast.Attribute):  # also what is handed on, as in partial()
            made.calls.add(resolved(dotted(inner), module, names, local, own))
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            made.writes |= is_write(inner.func)
    return made


def is_write(called: ast.Attribute) -> bool:
    """`rows.update(…)`, but not a dictionary's."""
    owner = dotted(called.value).rpartition(".")[2].lower()
    return called.attr in WRITES and owner not in NOT_WRITING


def resolved(name: str, module: str, names: dict[str, str], local: set[str], own: str) -> str:
    first, _, rest = name.partition(".")
    if first == "self" and own:
        return f"{own}.{rest}"
    if first in names:
        return f"{names[first]}.{rest}" if rest else names[first]
    if first in local:
        return f"{module}.{name}"
    return name


def reaches_the_log(name: str, seen: frozenset[str] = frozenset()) -> bool:
    if name in LOG:
        return True
    made = functions().get(name)
    if made is None or name in seen:
        return False
    return any(reaches_the_log(called, seen | {name}) for called in made.calls)


@cache
def callers() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, made in functions().items():
        for called in made.calls:
            if called in functions() and called != name:
                found.setdefault(called, set()).add(name)
    return found


def is_told(name: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether what the function writes is in the log when everything has returned."""
    if reaches_the_log(name) or name in BOOKKEEPING:
        return True
    asking = callers().get(name, set()) - seen
    return bool(asking) and all(is_told(caller, seen | {name}) for caller in asking)


def services() -> list[str]:
    writing = [name for name, made in functions().items() if made.writes]
    return sorted(name for name in writing if ".services" in name)


def test_every_service_that_writes_tells_of_it() -> None:
    silent = [name for name in services() if not is_told(name)]

    assert silent == []


def test_every_exception_still_writes_and_is_still_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = dict(BOOKKEEPING)

    for name, reason in reasons.items():
        assert name in services(), f"{name} writes nothing any more"
        monkeypatch.delitem(BOOKKEEPING, name)
        assert not is_told(name), f"{name} is told of: take it off the list"
        BOOKKEEPING[name] = reason


def test_the_test_sees_services_that_write() -> None:
    assert "orgs.services.environments.create_environment" in services()
    assert "projects.services.projects.insert_project" in services()
    assert len(services()) > 40


def test_every_verb_that_is_written_is_one_that_can_be_looked_for() -> None:
    """A verb of ours is a text such as `version.created` in a service; `VERBS` lists them all."""
    groups = "|".join({verb.partition(".")[0] for verb in VERBS})
    known = {*VERBS, *SCOPES}
    found = {
        f"{path.relative_to(ROOT)}: {text}"
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "services" in path.parts or path.stem in ("services", "events", "announcements")
        for text in re.findall(rf'"((?:{groups})\.[a-z_]+)"', path.read_text())
        if text not in known
    }

    assert found == set()


# Texts of that shape in services that are no verbs: crash points and hints.
SCOPES = frozenset({"version.before_commit", "version.after_commit"})
