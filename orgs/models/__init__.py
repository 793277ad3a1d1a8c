"""Organizations: tenants, people, their rights to enter, and the log of what happened."""

from orgs.models.actors import SYSTEM, Actor, ActorKind
from orgs.models.environments import Environment, EnvironmentQuerySet
from orgs.models.events import AuditSeal, AuditSealQuerySet, Event, EventFilter, EventQuerySet
from orgs.models.failures import FailedSignIn, FailedSignInQuerySet
from orgs.models.icons import Icon, IconQuerySet
from orgs.models.idempotency import IdempotencyRecord
from orgs.models.invites import InviteCode, InviteCodeQuerySet, InviteState
from orgs.models.keys import ApiKey, ApiKeyQuerySet, PersonalToken, PersonalTokenQuerySet
from orgs.models.organizations import Membership, MembershipQuerySet, Organization, Plan, Role
from orgs.models.sessions import BrowserSession, BrowserSessionQuerySet
from orgs.models.users import SECOND_FACTORS, User

__all__ = [
    "SECOND_FACTORS",
    "SYSTEM",
    "Actor",
    "ActorKind",
    "ApiKey",
    "ApiKeyQuerySet",
    "AuditSeal",
    "AuditSealQuerySet",
    "BrowserSession",
    "BrowserSessionQuerySet",
    "Environment",
    "EnvironmentQuerySet",
    "Event",
    "EventFilter",
    "EventQuerySet",
    "FailedSignIn",
    "FailedSignInQuerySet",
    "Icon",
    "IconQuerySet",
    "IdempotencyRecord",
    "InviteCode",
    "InviteCodeQuerySet",
    "InviteState",
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "PersonalToken",
    "PersonalTokenQuerySet",
    "Plan",
    "Role",
    "User",
]
