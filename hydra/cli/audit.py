"""`hydra verify-audit`: the first event that was changed, taken out or put in, if any was."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import django

from hydra.cli.processes import CannotRun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")
django.setup()

from django.db import DatabaseError  # noqa: E402
from django.db.models import QuerySet  # noqa: E402

from orgs.models import Organization  # noqa: E402  # models need the set-up above
from orgs.services import audits  # noqa: E402

FAULTY = 1


def run(*, org: str | None, head: str | None) -> int:
    """Verify every chain, or one; the exit code is 1 when anything is wrong."""
    exported = read_head(head) if head else None
    chains = Organization.objects.order_by("pk")
    if org:
        chains = chains.filter(slug=org)
    elif exported:
        chains = chains.filter(uid=exported.org)
    code, is_any = 0, False
    for pk in found(chains):
        verdict = audits.verify(Organization.objects.get(pk=pk), exported=exported)
        is_any = True
        sys.stdout.write(f"{told(verdict)}\n")
        code = FAULTY if verdict.fault else code
    if not is_any and (org or head):
        raise CannotRun("There is no such organization.")
    return code


def found(chains: QuerySet[Organization]) -> list[int]:
    """Their primary keys; CannotRun where there is no database of Hydra's."""
    try:
        return list(chains.values_list("pk", flat=True))
    except DatabaseError as error:
        raise CannotRun(
            "Hydra's database cannot be read here. Set HYDRA_HOME, or DATABASE_URL and REDIS_URL, "
            f"as for the server. ({error})"
        ) from error


def told(verdict: audits.Verdict) -> str:
    """One line: what is wrong and where, or how far all is well."""
    if verdict.fault is not None:
        where = f"event {verdict.fault.sequence}" if verdict.fault.sequence else "chain"
        where += f" {verdict.fault.uid}" if verdict.fault.uid else ""
        return f"{verdict.org.slug}: {verdict.fault.wrong}: {where}: {verdict.fault}"
    waiting = f", {verdict.waiting} wait for their seal" if verdict.waiting else ""
    return f"{verdict.org.slug}: verified up to event {verdict.sequence}{waiting}"


def read_head(name: str) -> audits.Head:
    """The head in a file that `export` made."""
    try:
        found = json.loads(Path(name).read_text())
        found = found.get("data", found)
        return audits.Head(
            org=str(found["organization"]), sequence=int(found["sequence"]), seal=str(found["seal"])
        )
    except OSError as error:
        raise CannotRun(f"{name} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotRun(f"{name} is no exported head.") from error
