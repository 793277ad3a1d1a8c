"""Pictures, kept once for each organization."""

from __future__ import annotations

import hashlib

from django.db import transaction

from orgs.models import Icon, Organization


@transaction.atomic
def keep(org: Organization, png: bytes) -> Icon:
    """The icon of these bytes, made if the organization has none like it. Needs no lock."""
    icon, _ = Icon.objects.get_or_create(
        org=org, digest=hashlib.sha256(png).hexdigest(), defaults={"png": png}
    )
    return icon
