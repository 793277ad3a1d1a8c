"""What can happen: the verbs of events, by what they are about. Not a table in the database."""

from __future__ import annotations

from typing import Final

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "agent": ("created", "offline", "online", "revoked", "session_replaced"),
    "api_key": ("created", "revoked", "rotated", "warned"),
    "application": ("created", "deleted", "steps_reordered", "updated"),
    "audit": ("fault_found",),
    "config_file": ("created", "deleted", "updated"),
    "deployment": (
        "approval_requested",
        "canceled",
        "canceling",
        "expired",
        "failed",
        "held",
        "queued",
        "ready",
        "rejected",
        "resolved",
        "rollback",
        "scheduled",
        "started",
        "superseded",
        "unknown",
    ),
    "environment": ("created", "deleted", "renamed", "reordered"),
    "invite": ("created", "redeemed", "revoked"),
    "membership": ("created", "removed", "role_changed"),
    "organization": (
        "created",
        "deleted",
        "resumed",
        "suspended",
        "terms_changed",
        "transferred",
        "updated",
    ),
    "override": ("deleted", "saved"),
    "project": (
        "agent_linked",
        "agent_unlinked",
        "application_connected",
        "application_disconnected",
        "created",
        "deleted",
        "environment_added",
        "environment_changed",
        "environment_removed",
        "updated",
    ),
    "rule": ("created", "deleted", "disabled", "enabled", "reordered", "updated"),
    "step": ("created", "deleted", "updated"),
    "token": ("created", "revoked", "rotated", "warned"),
    "user": (
        "changed",
        "email_changed",
        "name_changed",
        "passkey_added",
        "passkey_removed",
        "password_changed",
        "recovery_codes_renewed",
        "sessions_ended",
        "sign_in_failed",
        "sign_on_disconnected",
        "two_factor_disabled",
        "two_factor_enabled",
    ),
    "variable": ("created", "deleted", "updated"),
    "version": ("blocked", "created", "unblocked"),
    "webhook": ("created", "deleted", "disabled", "tested"),
}
VERBS: Final = tuple(f"{group}.{verb}" for group, verbs in GROUPS.items() for verb in verbs)
ALL_OF: Final = ".*"


def verbs_like(pattern: str) -> tuple[str, ...]:
    """The verbs that `version.created`, `version.*` or `version` means; none for what is none."""
    if pattern in VERBS:
        return (pattern,)
    group = pattern.removesuffix(ALL_OF)
    return tuple(f"{group}.{verb}" for verb in GROUPS.get(group, ()))
