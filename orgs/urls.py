"""The addresses of accounts and settings."""

from django.urls import path

from orgs.views import (
    accounts,
    audit,
    confirming,
    environments,
    general,
    keys,
    people,
    profile,
    sessions,
    tokens,
)

app_name = "orgs"

urlpatterns = [
    path("", accounts.home, name="home"),
    path("account/", accounts.account, name="account"),
    path("account/continue/", confirming.go_on, name="continue"),
    path("account/profile/", profile.profile, name="profile"),
    path("account/profile/email/", profile.email_change, name="email-change"),
    path("account/profile/email/<str:token>/", profile.email_confirm, name="email-confirm"),
    path("account/sessions/", sessions.session_list, name="sessions"),
    path("account/sessions/end/", sessions.sessions_end, name="sessions-end"),
    path("account/sessions/<int:pk>/end/", sessions.session_end, name="session-end"),
    path("account/two-factor/", accounts.two_factor, name="two-factor"),
    path("account/join/", accounts.join, name="join"),
    path("account/organizations/", accounts.found, name="found"),
    path("account/tokens/", tokens.token_list, name="tokens"),
    path("account/tokens/new/", tokens.token_create, name="token-create"),
    path("account/tokens/<slug:uid>/rotate/", tokens.token_rotate, name="token-rotate"),
    path("account/tokens/<slug:uid>/revoke/", tokens.token_revoke, name="token-revoke"),
    path("o/<slug:org>/enter/", accounts.enter, name="enter"),
    path("o/<slug:org>/settings/general/", general.general, name="general"),
    path("o/<slug:org>/settings/general/save/", general.general_save, name="general-save"),
    path("o/<slug:org>/settings/general/transfer/", general.transfer, name="transfer"),
    path("o/<slug:org>/settings/general/delete/", general.delete, name="delete"),
    path("o/<slug:org>/settings/users/", people.member_list, name="members"),
    path("o/<slug:org>/settings/users/<slug:uid>/role/", people.member_role, name="member-role"),
    path(
        "o/<slug:org>/settings/users/<slug:uid>/remove/", people.member_remove, name="member-remove"
    ),
    path("o/<slug:org>/settings/invites/", people.invite_list, name="invites"),
    path("o/<slug:org>/settings/invites/new/", people.invite_create, name="invite-create"),
    path(
        "o/<slug:org>/settings/invites/<slug:uid>/revoke/",
        people.invite_revoke,
        name="invite-revoke",
    ),
    path("o/<slug:org>/settings/environments/", environments.environment_list, name="environments"),
    path(
        "o/<slug:org>/settings/environments/new/",
        environments.environment_create,
        name="environment-create",
    ),
    path(
        "o/<slug:org>/settings/environments/order/",
        environments.environment_order,
        name="environment-order",
    ),
    path(
        "o/<slug:org>/settings/environments/<slug:uid>/rename/",
        environments.environment_rename,
        name="environment-rename",
    ),
    path(
        "o/<slug:org>/settings/environments/<slug:uid>/delete/",
        environments.environment_delete,
        name="environment-delete",
    ),
    path("o/<slug:org>/settings/api-keys/", keys.key_list, name="keys"),
    path("o/<slug:org>/settings/api-keys/new/", keys.key_create, name="key-create"),
    path("o/<slug:org>/settings/api-keys/<slug:uid>/rotate/", keys.key_rotate, name="key-rotate"),
    path("o/<slug:org>/settings/api-keys/<slug:uid>/revoke/", keys.key_revoke, name="key-revoke"),
    path("o/<slug:org>/settings/audit/", audit.event_list, name="audit"),
    path("o/<slug:org>/settings/audit/head/", audit.head_export, name="audit-head"),
    path("o/<slug:org>/settings/audit/verify/", audit.verify, name="audit-verify"),
    path(
        "o/<slug:org>/settings/audit/export/<slug:form>/", audit.event_export, name="audit-export"
    ),
    path("o/<slug:org>/settings/audit/<slug:uid>/", audit.event_detail, name="audit-event"),
]
