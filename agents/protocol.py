"""The wire between agent and server: paths, message shapes, states, limits. Nothing acts here.

Both sides import this file, and it is shipped inside `hydra-agent.pyz`: the standard library
alone, Python 3.9. What each call promises stands in docs/agent-protocol.md.
"""

from __future__ import annotations

from typing import Final, Literal, TypedDict

PROTOCOL: Final = 1

HELLO: Final = "/agent/v1/hello"
HEARTBEAT: Final = "/agent/v1/heartbeat"
JOBS: Final = "/agent/v1/jobs/"
POLL: Final = "/live/agent/poll"
DOWNLOAD: Final = "/agent/hydra-agent.pyz"

# What an agent goes by until the server has told it otherwise; all are durations.
HEARTBEAT_SECONDS: Final = 15
POLL_SECONDS: Final = 25
OFFER_SECONDS: Final = 30

LOG_RANGE_BYTES: Final = 1024 * 1024  # the longest body of one PUT of log bytes
LOG_HEAD_BYTES: Final = 60 * 1024 * 1024  # of a longer log the beginning and the end are kept
LOG_TAIL_BYTES: Final = 40 * 1024 * 1024
SECRET_MIN_LENGTH: Final = 6  # shorter values would mask half of every log
RESULT_HOURS: Final = 24  # how long an agent tries to deliver a result

# Codes of refusals that an agent acts upon; any other text is for people.
SUPERSEDED: Final = "superseded"
FENCED: Final = "fenced"
TOO_OLD: Final = "protocol_too_old"

StepType = Literal["bash", "python", "powershell"]
RunWhen = Literal["always", "success", "failure"]
StepState = Literal["running", "succeeded", "failed", "skipped", "canceled", "unknown"]
Outcome = Literal["succeeded", "failed", "canceled", "unknown"]
HeldState = Literal["accepted", "running", "finished", "unknown"]
Action = Literal["continue", "report", "drop"]

STEP_TYPES: Final[tuple[StepType, ...]] = ("bash", "python", "powershell")
RUN_WHEN: Final[tuple[RunWhen, ...]] = ("always", "success", "failure")
STEP_STATES: Final[tuple[StepState, ...]] = (
    "running",
    "succeeded",
    "failed",
    "skipped",
    "canceled",
    "unknown",
)
OUTCOMES: Final[tuple[Outcome, ...]] = ("succeeded", "failed", "canceled", "unknown")
HELD_STATES: Final[tuple[HeldState, ...]] = ("accepted", "running", "finished", "unknown")


def job_path(job: str, verb: str) -> str:
    """The path of `start`, `report`, `log` or `finish` of one job."""
    return f"{JOBS}{job}/{verb}"


class ErrorAnswer(TypedDict, total=False):
    """The body of every 4xx and 5xx. `hello_at` comes with `superseded`: see docs."""

    error: str
    code: str
    request_id: str
    retry_in: float
    hello_at: float


class PolicySummary(TypedDict, total=False):
    """What the machine's owner allows. A missing or null entry allows everything of its kind.

    `projects` and `environments` are shell patterns (`shop-*`).
    """

    projects: list[str] | None
    environments: list[str] | None
    interpreters: list[str] | None
    folders: list[str] | None
    user: str | None
    max_seconds: int | None


class HeldJob(TypedDict):
    """A job of which the agent holds a ticket when it says hello."""

    id: str
    fence: int
    state: HeldState


class Hello(TypedDict):
    protocol: int
    session: str
    version: str
    platform: str
    hostname: str
    python: str
    max_jobs: int
    policy: PolicySummary
    clock: float
    jobs: list[HeldJob]


class AgentName(TypedDict):
    id: str
    name: str


class JobAction(TypedDict):
    """`continue` only answers `accepted`: start it, under this fence, in this session.

    `report`: send what is known. `drop`: forget it.
    """

    id: str
    fence: int
    action: Action


class HelloAnswer(TypedDict):
    agent: AgentName
    poll_url: str
    heartbeat_s: float
    lease_s: float
    poll_s: float
    jobs: list[JobAction]
    clock: float


class PollAsk(TypedDict):
    """`running` names every job the agent holds, accepted ones too: they are not offered again.

    `canceling` names those of them that it already knows to be canceled, so that a parked poll
    need not say so again. `wait_s` is the longest it wants to be parked.
    """

    session: str
    free: int
    running: list[str]
    canceling: list[str]
    wait_s: float


class StepOffer(TypedDict):
    position: int
    name: str
    type: StepType
    script: str
    timeout_s: float | None
    retries: int
    backoff_s: float
    continue_on_error: bool
    run_when: RunWhen
    needs: list[int]
    safe_to_repeat: bool


class FileOffer(TypedDict):
    name: str
    content_b64: str


class JobOffer(TypedDict):
    id: str
    fence: int
    lease_s: float
    deployment: str
    project: str
    application: str
    environment: str
    version: str
    build: int
    steps: list[StepOffer]
    files: list[FileOffer]
    env: dict[str, str]
    secrets: list[str]
    keep: int


class PollAnswer(TypedDict, total=False):
    job: JobOffer | None
    cancel: list[str]
    retry_in: float


class StartAsk(TypedDict):
    session: str
    fence: int


class StartAnswer(TypedDict):
    lease_s: float


class StepReport(TypedDict):
    """One step as the agent sees it now; the newest report of a position replaces the older.

    `log_from` and `log_to` are offsets into the job's log. Both equal the end of the log while
    the step's own bytes wait for a parallel step to finish its.
    """

    position: int
    state: StepState
    attempt: int
    exit_code: int | None
    started_after_ms: int | None
    duration_ms: int | None
    log_from: int
    log_to: int
    reason: str


class ReportAsk(TypedDict):
    session: str
    fence: int
    steps: list[StepReport]


class ReportAnswer(TypedDict):
    cancel: bool
    lease_s: float


class LogAnswer(TypedDict):
    next_offset: int
    cancel: bool


class FinishAsk(TypedDict):
    session: str
    fence: int
    outcome: Outcome
    reason: str
    log_size: int
    steps: list[StepReport]


class FinishAnswer(TypedDict):
    accepted: bool


class RunningJob(TypedDict):
    id: str
    fence: int


class HeartbeatAsk(TypedDict):
    session: str
    running: list[RunningJob]
    drift: dict[str, object]


class RenewedJob(TypedDict, total=False):
    """Either `fenced`, or renewed for `lease_s` and perhaps to be canceled."""

    id: str
    lease_s: float
    cancel: bool
    fenced: bool


class HeartbeatAnswer(TypedDict):
    jobs: list[RenewedJob]
    clock: float
