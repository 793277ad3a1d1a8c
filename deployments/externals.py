"""The face of Hydra's external API, `/api/externals/`: what a pipeline needs, in one call each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from deployments.services import versions
from deployments.shapes import ReceiptShown, show_receipt
from hydra.api.faults import Fault as Fault
from hydra.api.fields import Flag, Taken, Text
from hydra.api.schema import Operation, Query, component, described
from hydra.errors import Conflict, NotFound
from orgs.access import Right, permission
from orgs.gate import OrgViewSet
from projects.models import Application
from projects.services.versions import VersionFacts

# --- Create a version --------------------------------------------------------------------------


class VersionTaken(Taken):
    """May stand in the address or in the body; where both name a field, the body is taken."""

    appCode = Text(max_length=60)  # noqa: N815  # the seed's
    version = Text(max_length=128)
    key = Text(required=False, help_text="The API key, unless it is sent as a bearer.")
    commit = Text(max_length=64, required=False, allow_blank=True)
    message = Text(max_length=10_000, required=False, allow_blank=True)
    author = Text(max_length=200, required=False, allow_blank=True)
    image = Text(max_length=500, required=False, allow_blank=True)
    tags = serializers.ListField(child=Text(max_length=128), max_length=50, required=False)
    notes = Text(max_length=50_000, required=False, allow_blank=True)
