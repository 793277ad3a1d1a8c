"""Agents, for site administrators to look at."""

from __future__ import annotations

from django.contrib import admin

from agents.models import Agent
from hydra.staff import Listing


@admin.register(Agent)
class AgentListing(Listing):
    list_display = ("name", "org", "presence", "version", "platform", "last_seen_at", "revoked_at")
    list_filter = ("presence", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("org", "uid", "shown_prefix")
    search_help_text = "An organization's address, the beginning of the key, or an id"
