from django.apps import AppConfig


class OrgsConfig(AppConfig):
    name = "orgs"
    verbose_name = "Organizations and people"
    default_auto_field = "django.db.models.BigAutoField"
