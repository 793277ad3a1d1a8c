"""The `hydra` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from hydra.cli import processes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the answer is the exit code. A mistake of use is a sentence, no trace."""
    asked = parser().parse_args(arguments)
    try:
        code: int = asked.run(asked)
    except processes.CannotRun as error:
        sys.stderr.write(f"hydra: {error}\n")
        return 2
    return code


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="hydra", description="Run Hydra and talk to it.")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="run everything on this machine")
    up.add_argument("--demo", action="store_true", help="with a demo organization and agent")
    up.add_argument("--stack", action="store_true", help="on a PostgreSQL and a Valkey of its own")
    up.set_defaults(run=run_up)
    for name, what in (
        ("web", "pages and API (gunicorn, threads)"),
        ("live", "what waits: agents' polls, event streams (uvicorn)"),
        ("worker", "Celery worker"),
        ("beat", "Celery beat"),
    ):
        part = commands.add_parser(name, help=what)
        part.set_defaults(run=run_part, part=name)
    migrate = commands.add_parser("migrate", help="bring the database up to date")
    migrate.set_defaults(run=run_migrate)
    verify = commands.add_parser("verify-audit", help="find the first event that was tampered with")
    verify.add_argument("--org", metavar="SLUG", help="this organization alone")
    verify.add_argument("--head", metavar="FILE", help="a head exported before, to compare with")
    verify.set_defaults(run=run_verify_audit)
    admin = commands.add_parser("create-admin", help="make a person a site administrator")
    admin.add_argument("email")
    admin.set_defaults(run=run_create_admin)
    agent = commands.add_parser("agent", help="the agent program", add_help=False)
    agent.add_argument("rest", nargs=argparse.REMAINDER)
    agent.set_defaults(run=run_agent)
    return top


def run_up(asked: argparse.Namespace) -> int:
    from hydra.cli import up  # noqa: PLC0415  # settings are read on import, --stack comes first

    if asked.stack:
        return up.run_stack(with_demo=asked.demo)
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return up.run_full(with_demo=asked.demo)
    return up.run_embedded(with_demo=asked.demo)


def run_part(asked: argparse.Namespace) -> int:
    """Become one part of the full mode: containers and supervisors start these."""
    command = processes.commands()[asked.part]
    os.execv(command[0], command)  # noqa: S606  # our own command line


def run_migrate(_: argparse.Namespace) -> int:
    processes.migrate()
    return 0


def run_verify_audit(asked: argparse.Namespace) -> int:
    from hydra.cli import audit  # noqa: PLC0415  # Django is set up on import

    return audit.run(org=asked.org, head=asked.head)


def run_create_admin(asked: argparse.Namespace) -> int:
    from hydra.cli import administrators  # noqa: PLC0415  # needs Django's set-up

    return administrators.create_admin(asked.email)


def run_agent(asked: argparse.Namespace) -> int:
    from agents.program.cli import main as agent  # noqa: PLC0415  # needs no Django

    return agent(asked.rest)
