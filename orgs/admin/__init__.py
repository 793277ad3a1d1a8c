"""The administration: what those who run the installation see of all organizations."""

from orgs.admin import organizations, people, records

__all__ = ["organizations", "people", "records"]
