"""What a person chose when starting the agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agents.program.policy import Policy

DEFAULT_KEEP = 5
DEFAULT_TIMEOUT_SECONDS = 60
DEFAULT_MAX_JOBS = 4
GRACE_SECONDS = 10
STOP_SECONDS = 2  # on Ctrl-C there is less patience than for a cancel


@dataclass(frozen=True)
class Options:
    """One run of the agent. `keep` is None where the server's word counts."""

    server: str
    key: str = field(repr=False)
    work_dir: Path
    keep: int | None = None
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    max_jobs: int = DEFAULT_MAX_JOBS
    grace_seconds: float = GRACE_SECONDS
    drain_seconds: float | None = None
    ca_file: Path | None = None
    policy: Policy = field(default_factory=Policy)

    @property
    def own_dir(self) -> Path:
        """Where the agent keeps its tickets and logs, beside the working folders."""
        return self.work_dir / ".hydra-agent"
