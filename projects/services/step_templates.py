"""Ready-made steps with typed parameters, and the bash scripts that they become.

A script is a head of quoted assignments and a body that never changes, so that no parameter can
become code. Only parameters that are commands are run as such; what they refer to with `#{NAME}`
reaches them through the environment, so that no value is ever read as a command.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hydra.errors import Detail, Invalid, Refused
from projects.merging import interpolation
from projects.models import Application, Step, StepType
from projects.services.naming import require_text

LONGEST_PARAMETER = 4000


class NoDeployScript(Refused):
    """A step runs the application's deploy script, and there is none."""

    code = "no_deploy_script"


class Kind(StrEnum):
    TEXT = "text"
    COMMAND = "command"
    NUMBER = "number"
    CHOICE = "choice"


@dataclass(frozen=True)
class Parameter:
    """One thing that a template wants to know."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    default: str = ""
    is_required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    least: int = 0
    most: int = 0

    def objection(self, value: str) -> str:
        """What is wrong with `value`; empty when nothing is."""
        if not value:
            return f"{self.label} is missing." if self.is_required else ""
        if self.kind is Kind.NUMBER:
            is_number = re.fullmatch(r"[0-9]{1,9}", value) is not None
            if not is_number or not self.least <= int(value) <= self.most:
                return f"{self.label} must be a number from {self.least} to {self.most:,}."
        if self.kind is Kind.CHOICE and value not in dict(self.choices):
            known = ", ".join(choice for choice, _ in self.choices)
            return f"{self.label} must be one of {known}."
        return ""


@dataclass(frozen=True)
class Template:
    """A ready-made step."""

    code: str
    name: str
    description: str
    body: str
    parameters: tuple[Parameter, ...] = ()
    run_when: str = "success"
    safe_to_repeat: bool = False
    needs_deploy_script: bool = False


HEALTH_CHECK = Template(
    code="health_check",
    name="Health Check",
    description="Ask an address until it answers as expected.",
    safe_to_repeat=True,
    parameters=(
        Parameter("url", "URL", default="#{hydra.url}", help="Where to ask."),
        Parameter("status", "Expected status", Kind.NUMBER, default="200", least=100, most=599),
        Parameter("attempts", "Attempts", Kind.NUMBER, default="10", least=1, most=1000),
        Parameter("pause", "Seconds between attempts", Kind.NUMBER, default="3", least=0, most=600),
        Parameter("limit", "Seconds per attempt", Kind.NUMBER, default="5", least=1, most=600),
    ),
    body="""\
if [ -z "$url" ]; then echo "This environment has no URL to ask." >&2; exit 2; fi
command -v curl >/dev/null || { echo "curl is not installed on this server." >&2; exit 127; }
attempt=1
while true; do
  answer=$(curl --silent --output /dev/null --max-time "$limit" --write-out '%{http_code}' \\
    --url "$url") || true
  if [ "$answer" = "$status" ]; then
    echo "$url answered $answer at attempt $attempt."
    exit 0
  fi
  echo "Attempt $attempt of $attempts: ${answer:-no answer} instead of $status."
  if [ "$attempt" -ge "$attempts" ]; then break; fi
  attempt=$((attempt + 1))
  sleep "$pause"
done
echo "$url never answered $status." >&2
exit 1
""",
)

DIRECTORY = Parameter(
    "directory",
    "Folder",
    is_required=False,
    help="Where to run it; the deployment's own folder when empty.",
)

DATABASE_MIGRATION = Template(
    code="database_migration",
    name="Database Migration",
    description="Run the command that brings the database up to date.",
    parameters=(
        Parameter("command", "Command", Kind.COMMAND, help="Such as ./manage.py migrate --noinput"),
        DIRECTORY,
    ),
    body="""\
cd -- "${directory:-$HYDRA_WORK_DIR}"
echo "Migrating the database for $HYDRA_APPLICATION $HYDRA_VERSION."
exec bash -euo pipefail -c "$command"
""",
)

CACHE_CLEAR = Template(
    code="cache_clear",
    name="Cache Clear",
    description="Empty a folder or a Redis database, or run a command of your own.",
    safe_to_repeat=True,
    parameters=(
        Parameter(
            "method",
            "What to clear",
            Kind.CHOICE,
            default="directory",
            choices=(
                ("directory", "A folder"),
                ("redis", "A Redis database"),
                ("command", "By a command"),
            ),
        ),
        Parameter(
            "target",
            "Folder or Redis URL",
            is_required=False,
            help="An absolute path such as /var/cache/shop, or redis://127.0.0.1:6379/1",
        ),
        Parameter("command", "Command", Kind.COMMAND, is_required=False),
    ),
    body="""\
case "$method" in
  directory)
    case "$target" in
      *..*) echo "The folder must not contain '..'." >&2; exit 2 ;;
      /*/?*) ;;
      *) echo "The folder must be an absolute path below the second level." >&2; exit 2 ;;
    esac
    if [ ! -d "$target" ]; then echo "$target does not exist: nothing to clear."; exit 0; fi
    find "$target" -mindepth 1 -delete
    echo "Emptied $target."
    ;;
  redis)
    redis-cli -u "$target" FLUSHDB
    ;;
  command)
    exec bash -euo pipefail -c "$command"
    ;;
esac
""",
)

BACKUP = Template(
    code="backup",
    name="Backup",
    description="Pack a file or a folder into an archive, and keep the newest ones.",
    parameters=(
        Parameter("source", "What to back up", help="A file or a folder."),
        Parameter("destination", "Where to", help="A folder, made when it does not exist."),
        Parameter("keep", "Archives to keep", Kind.NUMBER, default="7", least=1, most=1000),
    ),
    body="""\
umask 077
mkdir -p -- "$destination"
prefix="$HYDRA_PROJECT-$HYDRA_APPLICATION-$HYDRA_ENVIRONMENT"
archive="$prefix-$(date -u +%Y%m%dT%H%M%SZ)-$HYDRA_DEPLOYMENT_ID.tar.gz"
tar -czf "$destination/.$archive.part" \\
  -C "$(dirname -- "$source")" -- "$(basename -- "$source")"
mv -- "$destination/.$archive.part" "$destination/$archive"
echo "Wrote $destination/$archive ($(wc -c <"$destination/$archive" | tr -d ' ') bytes)."
find "$destination" -maxdepth 1 -type f -name "$prefix-*.tar.gz" | sort -r \\
  | tail -n "+$((keep + 1))" | while IFS= read -r old; do rm -- "$old"; echo "Removed $old."; done
""",
)

ROLLBACK = Template(
    code="rollback",
    name="Rollback",
    description="After a failure, put back the version that succeeded here before.",
    run_when="failure",
    parameters=(
        Parameter(
            "command",
            "Command",
            Kind.COMMAND,
            is_required=False,
            help=(
                "Run with HYDRA_VERSION set to the version that succeeded before; "
                "the application's deploy script when empty."
            ),
        ),
    ),
    body="""\
if [ -z "${HYDRA_PREVIOUS_VERSION:-}" ]; then
  echo "Nothing succeeded here before: there is no version to go back to." >&2
  exit 1
fi
echo "Going back from $HYDRA_VERSION to $HYDRA_PREVIOUS_VERSION."
export HYDRA_VERSION="$HYDRA_PREVIOUS_VERSION"
exec bash -euo pipefail -c "$command"
""",
)

DEPLOY = Template(
    code="deploy",
    name="Deploy",
    description="Run the application's deploy script.",
    needs_deploy_script=True,
    body="",
)

TEMPLATES: dict[str, Template] = {
    template.code: template
    for template in (HEALTH_CHECK, DATABASE_MIGRATION, CACHE_CLEAR, BACKUP, ROLLBACK, DEPLOY)
}


def require_parameters(code: str, values: Mapping[str, str]) -> None:
    """Refuse a template that does not exist, and parameters that it cannot use."""
    template = TEMPLATES.get(code)
    if template is None:
        known = ", ".join(TEMPLATES)
        raise Invalid.at("template", f"There is no template {code!r}.", f"Use one of {known}.")
    wrong = [
        Detail(location=f"parameters.{parameter.name}", message=objection)
        for parameter in template.parameters
        if (objection := parameter.objection(values.get(parameter.name, parameter.default)))
    ]
    names = {parameter.name for parameter in template.parameters}
    wrong += [
        Detail(location=f"parameters.{name}", message=f"{template.name} has no parameter {name}.")
        for name in values
        if name not in names
    ]
    if wrong:
        raise Invalid(wrong[0]["message"], details=wrong)
    for name, value in values.items():
        require_text(value, at=f"parameters.{name}", longest=LONGEST_PARAMETER)


def render_script(
    step: Step, application: Application, *, known: Mapping[str, str]
) -> tuple[str, str]:
    """The type and the script of what an agent runs for `step`.

    UnknownVariable when a parameter refers to something that `known` lacks.
    """
    if step.type != StepType.TEMPLATE:
        return step.type, step.script
    template = TEMPLATES[step.template]
    if template.needs_deploy_script:
        return StepType.BASH.value, deploy_script_of(application, step)
    values = {
        parameter.name: rendered(parameter, step, known=known) for parameter in template.parameters
    }
    if template is ROLLBACK and not values["command"]:
        values["command"] = deploy_script_of(application, step)
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return StepType.BASH.value, f"set -euo pipefail\n{head}{template.body}"


def rendered(parameter: Parameter, step: Step, *, known: Mapping[str, str]) -> str:
    """A parameter's value as the script gets it, not yet quoted."""
    value = str(step.parameters.get(parameter.name, parameter.default))
    where = f"step {step.name}, {parameter.label}"
    if parameter.kind is not Kind.COMMAND:
        return interpolation.interpolate(value, known, file=where)
    # The shell puts the value in, where it cannot be read as a part of the command.
    references = {name: f"${{{environment_name(name)}}}" for name in known}
    return interpolation.interpolate(value, references, file=where)


def environment_name(name: str) -> str:
    """What scripts find the value of `#{name}` under: HYDRA_URL for hydra.url."""
    return name.replace(".", "_").upper() if name.startswith("hydra.") else name


def deploy_script_of(application: Application, step: Step) -> str:
    if not application.deploy_script.strip():
        raise NoDeployScript(
            f"The step {step.name} runs the deploy script of {application}, which has none. "
            "Write one on the application's page, or remove the step."
        )
    return application.deploy_script
