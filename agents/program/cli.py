"""The command line of the agent: `run`, `install`, `version`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from agents.program import __version__
from agents.program.agent import EXIT_IN_USE, Agent, InUse, only_one
from agents.program.install import install
from agents.program.options import (
    DEFAULT_MAX_JOBS,
    DEFAULT_TIMEOUT_SECONDS,
    GRACE_SECONDS,
    Options,
)
from agents.program.policy import BadPolicy, Policy, read_policy
from agents.program.saying import keep_secret, say

EXIT_USAGE = 2
KEY_PREFIX = "hya_"


class BadUse(Exception):
    """The command cannot be carried out as it was given."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except (BadUse, BadPolicy) as bad:
        say(str(bad))
        return EXIT_USAGE
    except InUse as in_use:
        say(str(in_use))
        return EXIT_IN_USE
    except PermissionError as error:
        say(f"The agent may not do what it has to: {error}.")
        return EXIT_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hydra-agent", description="Takes deployments from a Hydra server and runs them here."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="take jobs until stopped")
    _add_options(run)
    run.add_argument(
        "--stop-on-eof",
        action="store_true",
        help="stop when standard input ends, because whoever started this has ended",
    )
    run.set_defaults(command=_run)
    service = commands.add_parser("install", help="run as a service from now on")
    _add_options(service)
    service.add_argument("--print", action="store_true", help="only show what would be installed")
    service.set_defaults(command=_install)
    version = commands.add_parser("version", help="show the version")
    version.set_defaults(command=_version)
    return parser


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--server", metavar="URL", default=os.environ.get("HYDRA_SERVER"), help="of Hydra")
    add("--key", metavar="hya_…", help="the agent's key (better: HYDRA_AGENT_KEY or --key-file)")
    add("--key-file", type=Path, metavar="FILE", help="a file that holds the key")
    add("--work-dir", type=Path, default=Path("~/HydraDeploys"), help="default: %(default)s")
    add("--keep", type=_at_least_one, help="deployments kept of each target (default: 5)")
    add(
        "--timeout",
        type=_seconds,
        default=DEFAULT_TIMEOUT_SECONDS,
        metavar="SECONDS",
        help="of a step that names none (default: %(default)s)",
    )
    add("--max-jobs", type=_at_least_one, default=DEFAULT_MAX_JOBS, help="default: %(default)s")
    add("--policy", type=Path, metavar="FILE", help="what the server may make this agent do")
    add("--ca-file", type=Path, metavar="FILE", help="trust the authority in this file")
    add(
        "--grace",
        type=_seconds,
        default=GRACE_SECONDS,
        metavar="SECONDS",
        help="between SIGTERM and SIGKILL of what is canceled (default: %(default)s)",
    )
    add(
        "--drain-seconds",
        type=_seconds,
        metavar="SECONDS",
        help="how long running jobs may go on after SIGTERM (default: to their end)",
    )


def _run(told: argparse.Namespace) -> int:
    options = read_options(told)
    with only_one(options.own_dir):
        try:
            agent = Agent(options)
        except OSError as error:
            raise BadUse(f"The work folder cannot be used: {error}.") from error
        return agent.run(stop_on_eof=told.stop_on_eof)


def _install(told: argparse.Namespace) -> int:
    return install(read_options(told), policy=told.policy, only_print=told.print)


def _version(_told: argparse.Namespace) -> int:
    sys.stdout.write(f"hydra-agent {__version__}\n")
    return 0


def read_options(told: argparse.Namespace) -> Options:
    """The options of a run, checked."""
    key = _read_key(told)
    keep_secret(key)
    return Options(
        server=_read_server(told.server),
        key=key,
        work_dir=told.work_dir.expanduser().absolute(),
        keep=told.keep,
        timeout_seconds=told.timeout,
        max_jobs=told.max_jobs,
        grace_seconds=told.grace,
        drain_seconds=told.drain_seconds,
        ca_file=told.ca_file,
        policy=read_policy(told.policy) if told.policy else Policy(),
    )


def _read_server(server: str | None) -> str:
    if not server:
        raise BadUse("Which server? Give its address with --server.")
    parts = urlsplit(server)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadUse(f"“{server}” is not the address of a server: https://hydra.example.com.")
    return server


def _read_key(told: argparse.Namespace) -> str:
    """From the file, the environment or the command line, in this order of safety."""
    key = told.key or os.environ.get("HYDRA_AGENT_KEY", "")
    if told.key_file:
        try:
            key = told.key_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadUse(f"The key file cannot be read: {error}.") from error
    if not key.startswith(KEY_PREFIX) or any(sign.isspace() for sign in key):
        raise BadUse(
            f"An agent's key begins with {KEY_PREFIX}. Give it in HYDRA_AGENT_KEY, with "
            "--key-file, or with --key."
        )
    return key


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if seconds < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return seconds
