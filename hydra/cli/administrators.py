"""Making the first site administrator: `hydra create-admin`."""

from __future__ import annotations

import os

import django


def create_admin(email: str) -> int:
    """Appoint the person, and tell how they get in: with the password they have, or a link."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hydra.settings")
    django.setup()

    from allauth.account.forms import default_token_generator  # noqa: PLC0415
    from allauth.account.utils import user_pk_to_url_str  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415  # all of these need the set-up above
    from django.core.exceptions import ValidationError  # noqa: PLC0415
    from django.core.validators import validate_email  # noqa: PLC0415

    from hydra.cli.processes import CannotRun  # noqa: PLC0415
    from orgs.models import SYSTEM  # noqa: PLC0415
    from orgs.services import administration  # noqa: PLC0415
    from orgs.views.adapters import AccountAdapter  # noqa: PLC0415

    try:
        validate_email(email)
    except ValidationError as error:
        raise CannotRun(f"{email} is not an e-mail address.") from error
    user = administration.appoint(email, by=SYSTEM)
    print(f"{user.email} is a site administrator.")
    if not user.has_usable_password():
        key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
        print(f"Set a password: {AccountAdapter().get_reset_password_from_key_url(key)}")
    print(f"Sign in, set up two-factor under Account, then open {settings.HYDRA_URL}/admin/")
    return 0
