"""The addresses of accounts: of django-allauth only the pages that have a template of ours."""

from allauth.account import views as account
from allauth.mfa.recovery_codes.views import download_recovery_codes
from django.urls import path

from orgs.access import fresh
from orgs.views import openid, security, sign_on
from orgs.views.accounts import SignIn, SignUp
from orgs.views.confirming import ConfirmByPassword
from orgs.views.passwords import Forgotten, NewPassword

door = [
    path("signup/", SignUp.as_view(), name="account_signup"),
    path("login/", SignIn.as_view(), name="account_login"),
    path("login/code/", security.SecondFactor.as_view(), name="mfa_authenticate"),
    path("login/passkey/", security.PasskeySignIn.as_view(), name="mfa_login_webauthn"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path(
        "confirm-email/",
        account.email_verification_sent,
        name="account_email_verification_sent",
    ),
    path("confirm-email/<str:key>/", account.confirm_email, name="account_confirm_email"),
    path("password/", Forgotten.as_view(), name="account_reset_password"),
    path("password/sent/", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/changed/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path(
        "password/<slug:uidb36>/<str:key>/",
        NewPassword.as_view(),
        name="account_reset_password_from_key",
    ),
]

confirming = [
    path("reauthenticate/", ConfirmByPassword.as_view(), name="account_reauthenticate"),
    path("reauthenticate/code/", security.ConfirmByCode.as_view(), name="mfa_reauthenticate"),
    path(
        "reauthenticate/passkey/",
        security.ConfirmByPasskey.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
]

inside = [
    path("security/", security.Security.as_view(), name="mfa_index"),
    path("security/password/", security.ChangePassword.as_view(), name="account_change_password"),
    path(
        "security/password/first/",
        fresh(security.SetPassword.as_view()),
        name="account_set_password",
    ),
    path("security/app/", fresh(security.Activate.as_view()), name="mfa_activate_totp"),
    path("security/app/remove/", fresh(security.Deactivate.as_view()), name="mfa_deactivate_totp"),
    path(
        "security/codes/", fresh(security.RecoveryCodes.as_view()), name="mfa_view_recovery_codes"
    ),
    path(
        "security/codes/download/",
        fresh(download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
    path(
        "security/codes/new/",
        fresh(security.RenewRecoveryCodes.as_view()),
        name="mfa_generate_recovery_codes",
    ),
    path("security/passkeys/new/", fresh(security.AddPasskey.as_view()), name="mfa_add_webauthn"),
    path(
        "security/passkeys/<int:pk>/rename/",
        fresh(security.RenamePasskey.as_view()),
        name="mfa_edit_webauthn",
    ),
    path(
        "security/passkeys/<int:pk>/remove/",
        fresh(security.RemovePasskey.as_view()),
        name="mfa_remove_webauthn",
    ),
]

# The provider is one and has no name of its own in our addresses.
PROVIDER = {"provider_id": openid.PROVIDER}
elsewhere = [
    path("sign-on/", sign_on.start, PROVIDER, name="openid_connect_login"),
    path("sign-on/callback/", sign_on.callback, PROVIDER, name="openid_connect_callback"),
    path("sign-on/new/", sign_on.SignOn.as_view(), name="socialaccount_signup"),
    path("sign-on/cancelled/", sign_on.cancelled, name="socialaccount_login_cancelled"),
    path("security/sign-on/remove/", sign_on.disconnect, name="sign-on-remove"),
]

urlpatterns = [*door, *confirming, *inside, *elsewhere]
